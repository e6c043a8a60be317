"""`verify`: prove that a folder of shards or embeddings is intact.

The work is in `gptprep.shards.verify`, because datasets can verify too.
"""

from gptprep.shards.verify import VerifyOptions, VerifyPlan, VerifyReport, plan, require_intact, run

__all__ = ["VerifyOptions", "VerifyPlan", "VerifyReport", "plan", "require_intact", "run"]
