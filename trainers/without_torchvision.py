"""Loading of processors where torchvision is missing, which PyPI has for CUDA alone."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import transformers
import transformers.models.auto.image_processing_auto as auto  # as an attribute of its package it seems to need torchvision, too
from transformers import processing_utils
from transformers.models.idefics2.image_processing_pil_idefics2 import Idefics2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.ovis2.image_processing_pil_ovis2 import Ovis2ImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.utils import PushToHubMixin, is_torchvision_available

# transformers 5.17 takes a file that names torchvision's backend, if only in a comment, for one that needs torchvision.
HIDDEN = {
    made.__name__: made for made in (Idefics2ImageProcessorPil, Idefics3ImageProcessorPil, Ovis2ImageProcessorPil, SmolVLMImageProcessorPil)
}


@contextlib.contextmanager
def without_torchvision() -> Iterator[None]:
    """Loads the processors of models that also read videos without the video part, and image processors that need PIL alone."""
    if is_torchvision_available():
        yield
        return
    usual = processing_utils.MODALITY_TO_AUTOPROCESSOR_MAPPING
    nobody = SimpleNamespace(from_pretrained=lambda *_, **__: NoVideo())
    # An empty dict but for `keys` and what it makes on demand: iterating over it gives nothing.
    parts = {name: nobody if name == "video_processor" else usual[name] for name in usual.keys()}  # noqa: SIM118
    known = auto.get_image_processor_class_from_name
    with (
        mock.patch.object(processing_utils, "MODALITY_TO_AUTOPROCESSOR_MAPPING", parts),
        mock.patch.object(auto, "get_image_processor_class_from_name", lambda name: HIDDEN.get(name) or known(name)),
    ):
        yield


class NoVideo(transformers.BaseVideoProcessor, PushToHubMixin):  # as every part of a processor is
    merge_size = 1  # LLaMA-Factory reads it for rows without videos, too

    def __init__(self) -> None: ...

    def to_dict(self) -> dict[str, Any]:
        return {}
