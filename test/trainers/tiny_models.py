"""Image-text models of several makings, with a few thousand random weights each, as directories such as the Hub has.

The classes are transformers' own, and so are the processors; the tokenizer is a byte-level BPE of a few hundred tokens.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3Processor,
    GenerationConfig,
    InternVLConfig,
    InternVLForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from trainers.data import BatchOrder, Split, pad, read_split
from trainers.hub_policy import HubPolicy
from trainers.idefics3 import around

PAD, START, END, IMAGE = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"
TEXTS = [
    "Colour this. <caption>[[0,1],[0,2]]</caption> <caption>[]</caption> <caption>[[1,2]]</caption>",
    'adj 0 1 2 -> b\nadj 1 -> a\n<answer>{"0":"a","1":"b","2":"b"}</answer>',
]
BODY = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
EYES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def tokenizer(texts: list[str], image: str, *others: str, **named: str) -> PreTrainedTokenizerFast:
    special = [PAD, START, END, image, *others]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(texts * 20, trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, special_tokens=special))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token=PAD, eos_token=END, extra_special_tokens={"image_token": image, **named}
    )


def template(image: str) -> str:
    """The chat template of most models, in few words."""
    return (
        "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\n' }}"
        "{%- for part in message.content -%}{%- if part.type == 'image' -%}{{ '" + image + "' }}"
        "{%- else -%}{{ part.text }}{%- endif -%}{%- endfor -%}{{ '<|im_end|>\n' }}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
    )


def body(tokens: PreTrainedTokenizerFast, **more) -> dict:
    ends = {"bos_token_id": None, "eos_token_id": tokens.eos_token_id, "pad_token_id": tokens.pad_token_id}
    return BODY | {"vocab_size": len(tokens), "max_position_embeddings": 2048} | ends | more


def qwen3_vl(directory: Path, texts: list[str]) -> PreTrainedModel:
    """In the files that Qwen publishes: the processor has a part for videos, which takes torchvision to load."""
    image = "<|image_pad|>"
    marks = ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>"]
    tokens = tokenizer(texts, image, *marks)
    begin, end, video = tokens.convert_tokens_to_ids(marks)
    eyes = Qwen2VLImageProcessorPil(patch_size=8, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 256, "longest_edge": 4096})
    tokens.save_pretrained(directory)
    settings = {"processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"}
    (directory / "preprocessor_config.json").write_text(json.dumps(eyes.to_dict() | settings))
    videos = {"processor_class": "Qwen3VLProcessor", "video_processor_type": "Qwen3VLVideoProcessor", "patch_size": 8}
    (directory / "video_preprocessor_config.json").write_text(json.dumps(videos))
    (directory / "chat_template.json").write_text(json.dumps({"chat_template": template(f"{marks[0]}{image}{marks[1]}")}))
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(
            text_config=body(tokens, head_dim=8, rope_parameters=rope),
            vision_config={
                **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": 32, "patch_size": 8},
                **{"spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]},
            },
            image_token_id=tokens.convert_tokens_to_ids(image),
            video_token_id=video,
            vision_start_token_id=begin,
            vision_end_token_id=end,
            tie_word_embeddings=True,
        )
    )


def llava(directory: Path, texts: list[str]) -> PreTrainedModel:
    tokens = tokenizer(texts, IMAGE)
    eyes = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        eyes, tokens, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1, chat_template=template(IMAGE)
    ).save_pretrained(directory)
    return LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(**EYES, image_size=32, patch_size=8),
            # Dropout of attention, which a published model may have set and a training must heed.
            text_config=LlamaConfig(**body(tokens), attention_dropout=0.5),
            image_token_index=tokens.convert_tokens_to_ids(IMAGE),
        )
    )


def gemma3(directory: Path, texts: list[str]) -> PreTrainedModel:
    """Its pictures are read in both directions, which it is told by a type for each token."""
    marks = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    tokens = tokenizer(texts, "<image_soft_token>", *marks.values(), **marks)
    Gemma3Processor(
        Gemma3ImageProcessorPil(size={"height": 32, "width": 32}), tokens, template(marks["boi_token"]), image_seq_length=4
    ).save_pretrained(directory)
    return Gemma3ForConditionalGeneration(
        Gemma3Config(
            text_config=body(tokens, head_dim=8, sliding_window=16, layer_types=["sliding_attention", "full_attention"]),
            vision_config={**EYES, "image_size": 32, "patch_size": 8},
            mm_tokens_per_image=4,
            boi_token_index=tokens.convert_tokens_to_ids(marks["boi_token"]),
            eoi_token_index=tokens.convert_tokens_to_ids(marks["eoi_token"]),
            image_token_index=tokens.convert_tokens_to_ids("<image_soft_token>"),
        )
    )


def internvl(directory: Path, texts: list[str]) -> PreTrainedModel:
    """As InternVL3.5-HF: a picture is cut into tiles, with a line break after it, and the head is no copy of the embedding."""
    context, begin, end, video = "<IMG_CONTEXT>", "<img>", "</img>", "<video>"
    named = {"start_image_token": begin, "end_image_token": end, "context_image_token": context, "video_token": video}
    tokens = tokenizer(texts, context, begin, end, video, **named)
    eyes = GotOcr2ImageProcessorPil(size={"height": 32, "width": 32})
    tokens.save_pretrained(directory)
    files = {
        "preprocessor_config": eyes.to_dict() | {"image_processor_type": "GotOcr2ImageProcessorFast"},
        "video_preprocessor_config": {"video_processor_type": "InternVLVideoProcessor"},
        "processor_config": {"image_seq_length": 4},
        "chat_template": {"chat_template": template(context + "\n")},
    }
    for name, content in files.items():
        whose = {} if name == "chat_template" else {"processor_class": "InternVLProcessor"}
        (directory / f"{name}.json").write_text(json.dumps(content | whose))
    return InternVLForConditionalGeneration(
        InternVLConfig(
            text_config=body(tokens, model_type="qwen3", head_dim=BODY["hidden_size"] // BODY["num_attention_heads"]),
            vision_config={**EYES, "image_size": 32, "patch_size": 8},
            image_token_id=tokens.convert_tokens_to_ids(context),
            image_seq_length=4,
            tie_word_embeddings=False,
        )
    )


def text(directory: Path, texts: list[str] = TEXTS) -> Path:
    """A language model that was trained on chats, without pictures, such as SmolLM2-135M-Instruct."""
    torch.manual_seed(0)
    directory.mkdir(parents=True)
    # As in files that were made from GGUF: the end token is another one than that of its turns.
    tokens = tokenizer(texts, "<repo_name>")
    tokens.eos_token = START
    tokens.save_pretrained(directory)
    model = LlamaForCausalLM(LlamaConfig(**body(tokens), tie_word_embeddings=True))
    model.generation_config = GenerationConfig(eos_token_id=tokens.eos_token_id)
    model.save_pretrained(directory)
    return directory


MODELS = {made.__name__: made for made in (qwen3_vl, llava, gemma3, internvl)}


def build(name: str, directory: Path, texts: list[str] = TEXTS) -> Path:
    directory.mkdir(parents=True)
    torch.manual_seed(0)
    model = MODELS[name](directory, texts)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)  # so that pictures and words make a difference
    # Settings such as published models come with; sampling here must not follow them.
    ends = model.config.text_config.eos_token_id
    model.generation_config = GenerationConfig(
        eos_token_id=[ends, 0], pad_token_id=0, do_sample=True, top_k=2, top_p=0.5, temperature=0.1, repetition_penalty=1.5
    )
    model.save_pretrained(directory)
    return directory


def idefics3(directory: Path, pixels: int = 32) -> Path:
    """That language model with a vision tower, as `prepare` makes it."""
    with TemporaryDirectory() as scratch:
        grey = [0.5] * 3, [0.5] * 3
        model, processor, _ = around(text(Path(scratch, "text")), {"size": "nano", "pixels": pixels, "seed": 0}, grey)
    model.save_pretrained(directory)
    processor.save_pretrained(directory)
    return directory


def build_to_serve(name: str, directory: Path, **vision: int) -> Path:
    """With heads of a size that vLLM has a kernel for on a processor."""
    wide = {"hidden_size": 64, "num_attention_heads": 2}
    with mock.patch.dict(BODY, wide), mock.patch.dict(EYES, wide):
        return idefics3(directory, **vision) if name == "idefics3" else build(name, directory)


def teach(directory: Path, split: Split, steps: int, batch: int = 16) -> None:
    """Go over the transcripts of a split until the model writes such texts; what it sees is another matter."""
    policy = HubPolicy(directory, split, batch)
    rows = [[*ids, policy.tokenizer.eos_token_id] for ids in policy.encode(split.columns["response"])]
    order = BatchOrder(len(split), batch, 0)
    optimizer = torch.optim.AdamW(policy.model.parameters(), lr=1e-2, betas=(0.9, 0.95))
    for step in range(steps):
        chosen = order(step)
        tokens = torch.from_numpy(pad([rows[row] for row in chosen], -100))
        said = policy.logits(chosen, torch.arange(batch), tokens.clamp(min=0))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(said.flatten(0, 1), tokens.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        optimizer.step()
    policy.model.save_pretrained(directory)


if __name__ == "__main__":  # NAME DIRECTORY DATASET STEPS: a model for tests that are not in Python; `text` is made without steps
    name, target, transcripts, steps = sys.argv[1:]
    split = read_split(Path(transcripts), "train_sft")
    words = [*split.columns["query"], *split.columns["response"]]
    if name == "text":
        text(Path(target), words)
    else:
        teach(build(name, Path(target), words), split, int(steps))
