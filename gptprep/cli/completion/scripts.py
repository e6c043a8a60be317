"""The scripts that shells run: they pass on the line and give the shell what `gptprep` answers.

A name may have any character, so nothing that is read is run or expanded; the shells quote what they insert.
If `gptprep` cannot answer, they complete files.
"""

_BASH = r"""# Completion of gptprep for bash, written by gptprep --install-completion bash.
_gptprep_completion() {
    local program=${1/#\~\//$HOME/} reply line
    local -a enabled
    COMPREPLY=()
    reply=$(
        _GPTPREP_COMPLETE=bash "$program" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null
    ) || return 0
    {
        IFS=' ' read -r -a enabled
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done
    } <<<"$reply"
    {
        compopt +o default +o bashdefault -o nosort
        ((${#enabled[@]})) && compopt "${enabled[@]/#/-o}"
    } 2>/dev/null
    return 0
}
complete -o bashdefault -o default -F _gptprep_completion gptprep
"""

_ZSH = r"""#compdef gptprep
# Completion of gptprep for zsh, written by gptprep --install-completion zsh.
_gptprep() {
    local program=${${(Q)words[1]}/#\~\//$HOME/} current=$PREFIX reply line
    local -a values folders files
    [[ -n ${compstate[quote]} ]] || current=${(Q)PREFIX}
    reply=$(_GPTPREP_COMPLETE=zsh $program "${(@Q)words[2,CURRENT-1]}" "$IPREFIX$current" 2>/dev/null) || {
        _files
        return
    }
    for line in "${(@f)reply}"; do
        case $line in
            (=) compset -P 1 '*=' ;;
            (v*) values+=("${line[2,-1]}") ;;
            (d*) folders+=("${line[2,-1]}") ;;
            (f*) files+=("${line[2,-1]}") ;;
        esac
    done
    local result=1
    if (($#values)); then
        local -a options
        [[ $values[1] == -* ]] && options=(-o)
        _describe -V $options 'value' values && result=0
    fi
    if (($#folders + $#files)); then
        compset -P '*/'
        local typed=${${(Q)IPREFIX}/#\~\//$HOME/}
        local -a expl
        _wanted -V folders expl folder compadd -f -W "$typed" -S / -q -a folders && result=0
        _wanted -V files expl file compadd -f -W "$typed" -a files && result=0
    fi
    return result
}
if [[ $funcstack[1] == _gptprep ]]; then
    _gptprep "$@"
else
    (($+functions[compdef])) || { autoload -Uz compinit && compinit -i; }
    compdef _gptprep gptprep
fi
"""

_FISH = r"""# Completion of gptprep for fish, written by gptprep --install-completion fish.
function __gptprep_ask
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l current $typed
    for quote in '' \' \"  # one may still be open
        if set -l unquoted (string unescape -- "$typed$quote")
            set current $unquoted
            break
        end
    end
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -g __gptprep_offers (env _GPTPREP_COMPLETE=fish $program $words[2..-1] "$current" 2>/dev/null)
end
complete -c gptprep -e
complete -c gptprep -f -k -n __gptprep_ask -a '$__gptprep_offers'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""By the name of the shell."""
