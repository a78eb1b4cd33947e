"""The networks of the PyTorch contenders: plain modules, and those of Hugging Face by size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class GPTBlock(nn.Module):
    """A layer of GPT-2 with fused attention, and a cache of keys and values for writing."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.count, self.dropout = heads, dropout
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.heads = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, cache: list[Any] | None = None) -> torch.Tensor:
        parts = self.heads(self.norms[0](x)).chunk(3, dim=2)
        q, k, v = (part.unflatten(2, (self.count, -1)).transpose(1, 2) for part in parts)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        causal = cache is None or q.shape[2] > 1
        rate = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=causal)
        x = x + self.drop(self.joined(seen.transpose(1, 2).flatten(2)))
        return x + self.drop(self.narrow(functional.gelu(self.wide(self.norms[1](x)))))


class GPT(nn.Module):
    """GPT-2 with one matrix for embedding and output, as nanoGPT's."""

    def __init__(
        self, vocabulary: int, context: int, depth: int, heads: int, width: int, dropout: float = 0
    ) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(GPTBlock(width, heads, dropout) for _ in range(depth))
        self.norm, self.drop = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(self, ids: torch.Tensor, first: int = 0, caches: Any = None) -> torch.Tensor:
        places = torch.arange(first, first + ids.shape[1], device=ids.device)
        x = self.drop(self.tokens(ids) + self.places(places))
        for number, block in enumerate(self.blocks):
            x = block(x, None if caches is None else caches[number])
        return self.norm(x) @ self.tokens.weight.T


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation around which the input is added."""

    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(given, width, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
        self.shortcut = nn.Identity()
        if stride != 1 or given != width:
            convolution = nn.Conv2d(given, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(width))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        features = functional.relu(self.norms[0](self.first(inputs)), inplace=True)
        features = self.norms[1](self.second(features))
        return functional.relu(features + self.shortcut(inputs), inplace=True)


def resnet18_with_head(hidden: int, output: int = 128, width: int = 64) -> nn.Module:
    """Return a ResNet-18 with the 3 x 3 entrance and a projector, in channels-last layout."""
    entrance = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)]
    widths = [width * scale for scale in (1, 1, 1, 2, 2, 4, 4, 8, 8)]
    blocks = [
        ResidualBlock(given, wide, 1 if given == wide else 2)
        for given, wide in zip(widths, widths[1:], strict=False)
    ]
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    head = [nn.Linear(8 * width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
    layers = [*entrance, nn.ReLU(inplace=True), *blocks, *pool, *head, nn.Linear(hidden, output)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def nt_xent(codes: torch.Tensor, temperature: float = 0.5) -> torch.Tensor:
    """Return SimCLR's loss of the projections of all first views, then all second ones."""
    codes = functional.normalize(codes.float())
    logits = (codes @ codes.T / temperature).fill_diagonal_(float("-inf"))
    positives = torch.arange(len(codes), device=codes.device).roll(len(codes) // 2)
    return functional.cross_entropy(logits, positives)


def vit_mae(patch: int, encoder: Sequence[int], decoder: Sequence[int]) -> nn.Module:
    """Return Hugging Face's masked autoencoder for 32 x 32; each part is (width, depth, heads)."""
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        hidden_size=encoder[0],
        num_hidden_layers=encoder[1],
        num_attention_heads=encoder[2],
        intermediate_size=4 * encoder[0],
        image_size=32,
        patch_size=patch,
        decoder_hidden_size=decoder[0],
        decoder_num_hidden_layers=decoder[1],
        decoder_num_attention_heads=decoder[2],
        decoder_intermediate_size=4 * decoder[0],
        mask_ratio=0.75,
        norm_pix_loss=True,
    )
    return ViTMAEForPreTraining(config).train()


def unet(
    filters: Sequence[int], blocks: int, attention: Sequence[int] = (), dropout: float = 0.0
) -> nn.Module:
    """Return the U-Net of `diffusers` for 32 x 32, with attention in some levels and the middle."""
    from diffusers import UNet2DModel

    names = ["Attn" if level in attention else "" for level in range(len(filters))]
    return UNet2DModel(
        sample_size=32,
        layers_per_block=blocks,
        block_out_channels=tuple(filters),
        down_block_types=[f"{name}DownBlock2D" for name in names],
        up_block_types=[f"{name}UpBlock2D" for name in reversed(names)],
        dropout=dropout,
        norm_num_groups=8,
        attention_head_dim=min(64, filters[-1]),
    )


def bert(vocabulary: int, length: int, depth: int, heads: int, width: int) -> nn.Module:
    """Return Hugging Face's BERT with the heads for hidden tokens and for pairs of sentences."""
    from transformers import BertConfig, BertForPreTraining

    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=length,
    )
    return BertForPreTraining(config).train()
