"""The packages that the process imports from which jobs are forked (executors/preloading.py); a job imports any other itself. Nothing
here may start a thread or touch a GPU."""

import pyarrow.dataset  # reading Parquet imports it late
import pyarrow.parquet
import torch
import torch.utils.serialization.config  # `torch.save` imports it late
from PIL import Image
from transformers import (
    AutoProcessor,
    DeepseekVLProcessor,
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.conversion_mapping import get_checkpoint_conversion_mapping
from transformers.models.internvl.modeling_internvl import InternVLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

Image.preinit()  # the usual formats, which opening a picture imports late
get_checkpoint_conversion_mapping("qwen3_vl")  # keeps 700 regular expressions, which loading and saving a model compile late
