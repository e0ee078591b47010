"""Llama with numpy in binary32: matrix products by the linear algebra library numpy was built with.

usage: numpy_llama.py DIR [WEIGHTS]. Reads one JSON array of token ids a line, an empty array to forget what came before; answers
with the logits after the last token, float32, little-endian.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np


def read_safetensors(path):
    raw = Path(path).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for name, about in header.items():
        if about.get("dtype") != "F32":
            continue
        start, end = about["data_offsets"]
        data = np.frombuffer(raw[8 + length + start : 8 + length + end], dtype="<f4")
        tensors[name] = data.reshape(about["shape"])
    return tensors


class Llama:
    def __init__(self, folder, weights):
        self.config = json.loads((folder / "config.json").read_text())
        self.tensors = read_safetensors(weights)
        config = self.config
        self.heads = config["num_attention_heads"]
        self.key_heads = config["num_key_value_heads"]
        self.size = config.get("head_dim") or config["hidden_size"] // self.heads
        theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
        self.rates = theta ** (-np.arange(self.size // 2) / (self.size // 2))
        self.forget()

    def forget(self):
        self.length = 0
        self.cache = [None] * self.config["num_hidden_layers"]

    def norm(self, x, name):
        square = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(square + np.float32(self.config["rms_norm_eps"])) * self.tensors[name]

    def rotate(self, x, cos, sin):
        half = self.size // 2
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    def attend(self, x, index):
        prefix = f"model.layers.{index}.self_attn."
        weight = lambda part: self.tensors[f"{prefix}{part}_proj.weight"]
        count = len(x)
        angles = np.outer(np.arange(self.length, self.length + count), self.rates)
        cos = np.cos(angles).astype(np.float32)
        sin = np.sin(angles).astype(np.float32)
        split = lambda y, heads: y.reshape(count, heads, self.size).transpose(1, 0, 2)
        query = self.rotate(split(x @ weight("q").T, self.heads), cos, sin)
        key = self.rotate(split(x @ weight("k").T, self.key_heads), cos, sin)
        value = split(x @ weight("v").T, self.key_heads)
        if self.cache[index] is not None:
            key = np.concatenate([self.cache[index][0], key], axis=1)
            value = np.concatenate([self.cache[index][1], value], axis=1)
        self.cache[index] = (key, value)
        group = self.heads // self.key_heads
        key, value = np.repeat(key, group, axis=0), np.repeat(value, group, axis=0)
        scores = query @ key.transpose(0, 2, 1) * np.float32(1 / np.sqrt(self.size))
        hidden = np.triu(np.ones((count, key.shape[1]), bool), self.length + 1)
        scores = np.where(hidden, np.float32(-np.inf), scores)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return mixed.transpose(1, 0, 2).reshape(count, -1) @ weight("o").T

    def think(self, x, index):
        weight = lambda part: self.tensors[f"model.layers.{index}.mlp.{part}_proj.weight"]
        gate = x @ weight("gate").T
        return (gate / (1 + np.exp(-gate)) * (x @ weight("up").T)) @ weight("down").T

    def feed(self, ids):
        state = self.tensors["model.embed_tokens.weight"][ids]
        for index in range(len(self.cache)):
            prefix = f"model.layers.{index}."
            state = state + self.attend(self.norm(state, prefix + "input_layernorm.weight"), index)
            state = state + self.think(
                self.norm(state, prefix + "post_attention_layernorm.weight"), index
            )
        self.length += len(ids)
        head = self.tensors.get("lm_head.weight", self.tensors["model.embed_tokens.weight"])
        return head @ self.norm(state[-1], "model.norm.weight")


def main():
    folder = Path(sys.argv[1])
    weights = sys.argv[2] if len(sys.argv) > 2 else folder / "model.safetensors"
    model = Llama(folder, weights)
    for line in sys.stdin:
        ids = json.loads(line)
        if not ids:
            model.forget()
            continue
        sys.stdout.buffer.write(model.feed(ids).astype("<f4").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
