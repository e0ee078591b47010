"""A Llama-shaped decoder as the ONNX graph that onnx-community exports have: fused norms, GroupQueryAttention that rotates."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PLAIN = None
BLOCK_4 = 4
BLOCK_8 = 8
BLOCK = 32
MICROSOFT = 'com.microsoft'


def quantise(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """(outputs, inputs) → symmetric blocks along the inputs as MatMulNBits takes them: the greatest value falls on the end of the range."""
    rows, columns = weight.shape
    half = 1 << (bits - 1)
    blocks = weight.reshape(rows, columns // BLOCK, BLOCK)
    at = np.abs(blocks).argmax(axis=2, keepdims=True)
    scales = np.take_along_axis(blocks, at, 2) / -half
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0)
    levels = np.clip(np.rint(blocks * inverse) + half, 0, 2 * half - 1).astype(np.uint8)
    if bits == 4:
        levels = levels[:, :, 0::2] | (levels[:, :, 1::2] << 4)
    return levels, scales.reshape(-1).astype(np.float32)


class Graph:
    """Nodes and initialisers as they are added, in order."""

    def __init__(self, form: int | None):
        self.form = form
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], outputs: list[str], name: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return outputs[0]

    def linear(self, name: str, weight: np.ndarray, x: str, output: str | None = None) -> str:
        """x times the weight's transpose, whole or in blocks of a few bits."""
        outputs, inputs = weight.shape
        target = [output or f'{name}/MatMul/output_0']
        if self.form is PLAIN:
            return self.node('MatMul', [x, self.constant(f'{name}.weight', weight.T)], target, f'{name}/MatMul')
        levels, scales = quantise(weight, self.form)
        names = [self.constant(f'{name}.weight_Q{self.form}', levels), self.constant(f'{name}.weight_scales', scales)]
        return self.node(
            'MatMulNBits', [x, *names], target, f'{name}/MatMul_Q{self.form}', domain=MICROSOFT,
            K=inputs, N=outputs, bits=self.form, block_size=BLOCK, accuracy_level=0,
        )


def lengths(graph: Graph) -> list[str]:
    """What GroupQueryAttention is told of lengths, both from the attention mask: its sum less one, and its width."""
    one = graph.constant('one', np.array([1], dtype=np.int64))
    total = graph.node('ReduceSum', ['attention_mask', one], ['mask_sum'], 'mask_sum', keepdims=0)
    last = graph.node('Sub', [total, one], ['mask_last'], 'mask_last')
    seqlens = graph.node('Cast', [last], ['seqlens_k'], 'seqlens_k', to=TensorProto.INT32)
    shape = graph.node('Shape', ['attention_mask'], ['mask_shape'], 'mask_shape')
    width = graph.node('Gather', [shape, graph.constant('one_scalar', np.array(1, dtype=np.int64))], ['mask_width'], 'mask_width', axis=0)
    return [seqlens, graph.node('Cast', [width], ['total_sequence_length'], 'total_sequence_length', to=TensorProto.INT32)]


def rotation(graph: Graph, shape: dict) -> list[str]:
    size = shape['head_size']
    inverse = 1 / shape['theta'] ** (np.arange(0, size, 2, dtype=np.float64) / size)
    angles = np.outer(np.arange(shape['context'], dtype=np.float64), inverse)
    return [
        graph.constant('cos_cache', np.cos(angles).astype(np.float32)),
        graph.constant('sin_cache', np.sin(angles).astype(np.float32)),
    ]


def layer(graph: Graph, shape: dict, weights: dict, number: int, normed: str, stream: str, shared: list[str]) -> tuple[str, str]:
    """One transformer layer: the normalised stream and the stream itself in, the next layer's out."""
    at = f'layers.{number}'
    long = f'/model/{at}'
    w = lambda name: weights[f'{at}.{name}']
    linear = lambda name, x: graph.linear(f'{long}/{name.replace(".", "/")}', w(name), x)
    skip = lambda add, scale, name: norm(graph, shape, f'{long}/{name}', stream, add, scale)
    q, k, v = (linear(f'self_attn.{part}_proj', normed) for part in 'qkv')
    past = [f'past_key_values.{number}.{kind}' for kind in ('key', 'value')]
    present = [f'present.{number}.{kind}' for kind in ('key', 'value')]
    name = f'{long}/self_attn/GroupQueryAttention'
    attended = graph.node(
        'GroupQueryAttention', [q, k, v, *past, *shared], [f'{name}/output_0', *present], name, domain=MICROSOFT,
        num_heads=shape['heads'], kv_num_heads=shape['kv_heads'], scale=shape['head_size'] ** -0.5,
        do_rotary=1, rotary_interleaved=0, local_window_size=-1, softcap=0.0,
    )
    normed, stream = skip(linear('self_attn.o_proj', attended), w('post_attention_layernorm'), 'post_attention_layernorm')
    gate = linear('mlp.gate_proj', normed)
    name = f'{long}/mlp/act_fn'
    sigmoid = graph.node('Sigmoid', [gate], [f'{name}/Sigmoid/output_0'], f'{name}/Sigmoid')
    silu = graph.node('Mul', [gate, sigmoid], [f'{name}/Mul/output_0'], f'{name}/Mul')
    product = graph.node('Mul', [silu, linear('mlp.up_proj', normed)], [f'{long}/mlp/Mul/output_0'], f'{long}/mlp/Mul')
    last = number + 1 == shape['layers']
    scale = weights['norm'] if last else weights[f'layers.{number + 1}.input_layernorm']
    name = f'/model/layers.{number + 1}/{"final_norm_layernorm" if last else "input_layernorm"}'
    return norm(graph, shape, name, stream, linear('mlp.down_proj', product), scale)


def norm(graph: Graph, shape: dict, name: str, stream: str, add: str, scale: np.ndarray) -> tuple[str, str]:
    """The stream with something added, and the RMS-normalised form of that."""
    outputs = [f'{name}/output_0', '', '', f'{name}/output_3']
    inputs = [stream, add, graph.constant(f'{name}.weight', scale)]
    graph.node('SkipSimplifiedLayerNormalization', inputs, outputs, name, domain=MICROSOFT, epsilon=shape['epsilon'])
    return outputs[0], outputs[3]


def build(shape: dict, weights: dict, form: int | None) -> onnx.ModelProto:
    """The whole model; `form` is PLAIN for fp32, else the bits of block-quantised weights. The embedding stays fp32."""
    graph = Graph(form)
    shared = [*lengths(graph), *rotation(graph, shape)]
    table = graph.constant('model.embed_tokens.weight', weights['embed_tokens'])
    stream = graph.node('Gather', [table, 'input_ids'], ['/model/embed_tokens/Gather/output_0'], '/model/embed_tokens/Gather')
    name = '/model/layers.0/input_layernorm'
    normed = graph.node(
        'SimplifiedLayerNormalization', [stream, graph.constant(f'{name}.weight', weights['layers.0.input_layernorm'])],
        [f'{name}/output_0'], name, axis=-1, epsilon=shape['epsilon'], stash_type=1,
    )
    for number in range(shape['layers']):
        normed, stream = layer(graph, shape, weights, number, normed, stream, shared)
    # the head is tied to the embedding but a weight of its own, as the exports have it
    graph.linear('lm_head', weights['embed_tokens'], normed, 'logits')
    # nobody reads the stream after the last norm
    graph.nodes[-2].output[:] = graph.nodes[-2].output[:1]

    info = helper.make_tensor_value_info
    ints = [('input_ids', 'sequence_length'), ('attention_mask', 'total_sequence_length'), ('position_ids', 'sequence_length')]
    cache = lambda prefix, axis: [
        info(f'{prefix}.{n}.{kind}', TensorProto.FLOAT, ['batch_size', shape['kv_heads'], axis, shape['head_size']])
        for n in range(shape['layers']) for kind in ('key', 'value')
    ]
    inputs = [info(name, TensorProto.INT64, ['batch_size', axis]) for name, axis in ints]
    logits = info('logits', TensorProto.FLOAT, ['batch_size', 'sequence_length', shape['vocabulary']])
    proto = helper.make_graph(
        graph.nodes, 'smollm2', [*inputs, *cache('past_key_values', 'past_sequence_length')],
        [logits, *cache('present', 'total_sequence_length')], graph.initialisers,
    )
    domains = [helper.make_opsetid('', 21), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(proto, opset_imports=domains, ir_version=10, producer_name='bitmodel')
