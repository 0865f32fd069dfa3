"""huiyan (慧眼): a self-hosted vision-chat workstation for Qwen3-VL."""

__version__ = "0.1.0"
