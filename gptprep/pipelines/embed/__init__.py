"""`embed`: shards to token + position embeddings."""

from gptprep.pipelines.embed.planning import EmbedOptions as EmbedOptions
from gptprep.pipelines.embed.planning import EmbedPlan as EmbedPlan
from gptprep.pipelines.embed.planning import plan as plan
from gptprep.pipelines.embed.running import EmbedReport as EmbedReport
from gptprep.pipelines.embed.running import run as run
