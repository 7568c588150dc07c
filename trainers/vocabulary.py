"""New tokens of a pretrained model: rows in its embeddings that make them no likelier than a common word."""

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def give_rows(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, known: int) -> None:
    """Gives the tokens from number `known` on the mean of the known rows."""
    count = len(tokenizer)
    if count > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(count, mean_resizing=False)
    with torch.no_grad():
        for rows in embeddings(model):
            rows[known:count] = rows[:known].float().mean(0).to(rows.dtype)


def embeddings(model: PreTrainedModel) -> list[torch.Tensor]:
    """The tables with a row a token: of the input and, if the model has one, of the output."""
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    return [layer.weight for layer in layers if layer is not None]
