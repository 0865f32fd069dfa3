"""What a machine can run of a model, and the engine flags for it.

`predict` is the arithmetic; `huiyan.hardware.plan.table` tries configurations with it.
"""

from huiyan.hardware.plan.flags import LlamaCppFlags, VllmFlags
from huiyan.hardware.plan.llama_cpp import memory_needed_bytes, threads
from huiyan.hardware.plan.predict import Prediction, predict

__all__ = ["LlamaCppFlags", "Prediction", "VllmFlags", "memory_needed_bytes", "predict", "threads"]
