"""Weights of a Llama from one format into another, in binary32 and without any rounding.

usage: weights.py gguf DIR OUT.gguf            from model.safetensors, with the tokenizer, for llama.cpp
       weights.py safetensors IN.gguf OUT      from a binary32 GGUF, for plain forward passes
Needs the packages gguf and numpy.
"""

import json
import struct
import sys
from pathlib import Path

import gguf
import numpy as np

from numpy_llama import read_safetensors

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}


def interleave(rows, heads):
    """llama.cpp rotates neighbouring pairs where Llama's own code rotates halves: rows of queries and keys are reordered."""
    size = rows.shape[0] // heads
    return rows.reshape(heads, 2, size // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def undo_interleave(rows, heads):
    size = rows.shape[0] // heads
    return rows.reshape(heads, size // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(folder, target):
    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tensors = read_safetensors(folder / "model.safetensors")
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    special = {token["id"] for token in tokenizer["added_tokens"]}
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(tokens))]
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_bos_token_id(config["bos_token_id"])
    for short, long in WHOLE.items():
        if f"{long}.weight" in tensors:
            writer.add_tensor(f"{short}.weight", tensors[f"{long}.weight"])
    for layer in range(config["num_hidden_layers"]):
        for short, long in LAYER.items():
            data = tensors[f"model.layers.{layer}.{long}.weight"]
            if short == "attn_q":
                data = interleave(data, heads)
            if short == "attn_k":
                data = interleave(data, key_heads)
            writer.add_tensor(f"blk.{layer}.{short}.weight", np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_safetensors(source, target):
    reader = gguf.GGUFReader(source)
    number = lambda name: int(reader.fields[f"llama.attention.{name}"].contents())
    heads, key_heads = number("head_count"), number("head_count_kv")
    named = {}
    for tensor in reader.tensors:
        short = tensor.name.removesuffix(".weight")
        data = np.asarray(tensor.data, dtype="<f4")
        if short in WHOLE:
            named[f"{WHOLE[short]}.weight"] = data
            continue
        _, layer, short = short.split(".")
        if short == "attn_q":
            data = undo_interleave(data, heads)
        if short == "attn_k":
            data = undo_interleave(data, key_heads)
        named[f"model.layers.{layer}.{LAYER[short]}.weight"] = data
    header, at = {}, 0
    for name, data in named.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(data.shape),
            "data_offsets": [at, at + data.nbytes],
        }
        at += data.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for data in named.values():
            file.write(np.ascontiguousarray(data).tobytes())


def main():
    kind, source, target = sys.argv[1:]
    # a file half written must not be taken for a whole one by the next run
    unfinished = f"{target}.part"
    if kind == "gguf":
        write_gguf(Path(source), unfinished)
    else:
        write_safetensors(source, unfinished)
    Path(unfinished).rename(target)


if __name__ == "__main__":
    main()
