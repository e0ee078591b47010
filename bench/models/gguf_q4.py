"""Quantises the matrices of a binary32 GGUF to Q4_0: four bits, blocks of 32, as the ONNX file it is measured beside.

usage: gguf_q4.py IN.gguf OUT.gguf     needs the packages gguf and numpy
"""

import sys

import gguf
import numpy as np

Q4_0 = gguf.GGMLQuantizationType.Q4_0
MOSTLY_Q4_0 = 2


def main(source, target):
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    writer.add_file_type(MOSTLY_Q4_0)
    for tensor in reader.tensors:
        weight = np.ascontiguousarray(tensor.data)
        if weight.ndim == 2:
            writer.add_tensor(tensor.name, gguf.quants.quantize(weight, Q4_0), raw_dtype=Q4_0)
        else:
            writer.add_tensor(tensor.name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(*sys.argv[1:])
