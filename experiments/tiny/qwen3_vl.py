"""Writes a Qwen3-VL of about half a million random weights, in the files that transformers loads: `python qwen3_vl.py DIRECTORY`.

It stands for a model of the Hub where none can be had: same classes, same chat template, same special tokens. Its heads have a size
that vLLM has kernels for on a processor. The tokenizer is a byte-level BPE that was taught on a few lines like the transcripts. The
caption's tags are plain tokens, as `prepare` steps add them.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION = ["<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
TAGS = ["<caption>", "</caption>"]
TEXTS = [
    "[[0,1],[0,2],[1,3],[2,3]] [[0,3],[1,2]]",
    '\nadj 0 1 2 -> b\nadj 1 3 -> a\nadj 2 -> c\n<answer>{"0":"a","1":"b","2":"c","3":"b"}</answer>',
    "Colour the vertices of the graph in the image with the fewest colours so that no edge joins equal colours.",
]
TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}{%- else %}{{- part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}{{- '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)


def build_tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    teacher = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, special_tokens=[PAD, START, END, *VISION])
    bpe.train_from_iterator(TEXTS * 20, teacher)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=PAD, eos_token=END, extra_special_tokens={"image_token": "<|image_pad|>"}
    )
    tokenizer.add_tokens(TAGS)
    return tokenizer


def main(directory: Path) -> None:
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(directory)
    pictures = Qwen2VLImageProcessorPil(
        patch_size=8, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 256, "longest_edge": 128 * 128}
    )
    classes = {"processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"}
    videos = {"processor_class": "Qwen3VLProcessor", "video_processor_type": "Qwen3VLVideoProcessor", "patch_size": 8}
    (directory / "preprocessor_config.json").write_text(json.dumps(pictures.to_dict() | classes))
    (directory / "video_preprocessor_config.json").write_text(json.dumps(videos))
    (directory / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    start, end, _, image, video = tokenizer.convert_tokens_to_ids(VISION)
    ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {
        **{"vocab_size": len(tokenizer), "hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 3},
        **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 4096},
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [8, 4, 4], "mrope_interleaved": True},
    }
    eyes = {
        **{"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "out_hidden_size": 96, "patch_size": 8},
        **{"spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 256, "deepstack_visual_indexes": [0]},
    }
    media = {"image_token_id": image, "video_token_id": video, "vision_start_token_id": start, "vision_end_token_id": end}
    torch.manual_seed(0)
    config = Qwen3VLConfig(text_config=text | ends, vision_config=eyes, tie_word_embeddings=True, **media)
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    model.save_pretrained(directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
