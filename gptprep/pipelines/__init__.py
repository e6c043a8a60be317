"""One module for each verb, all of the same shape:

    plan(options) -> Plan               everything that can be refused or estimated before the work
    run(plan, progress, ...) -> Report  the work; prints nothing

Options, plans and reports are frozen dataclasses.
"""
