"""`window`: a corpus to sliding-window input/target shards.

Two phases: (1) workers encode the documents into parts, files of ids with the end-of-text id after each
document; (2) the sizes of the parts give the place of every window, and workers write the shards. A run that
was killed continues with the parts that it had written.
"""

from gptprep.pipelines.window.job_array import ArrayProcess as ArrayProcess
from gptprep.pipelines.window.job_array import ArrayReport as ArrayReport
from gptprep.pipelines.window.job_array import run_process as run_process
from gptprep.pipelines.window.options import WindowOptions as WindowOptions
from gptprep.pipelines.window.planning import WindowPlan as WindowPlan
from gptprep.pipelines.window.planning import plan as plan
from gptprep.pipelines.window.running import WindowReport as WindowReport
from gptprep.pipelines.window.running import run as run
from gptprep.pipelines.window.shared_parts import remove_parts as remove_parts
from gptprep.tokens.estimating import QUICK as QUICK
from gptprep.tokens.estimating import THOROUGH as THOROUGH
from gptprep.windows.spec import WindowSpec as WindowSpec
