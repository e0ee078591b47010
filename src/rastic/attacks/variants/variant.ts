import { BitmodelError } from '../../../base/index.js';

/**
 * Another model made of the bytes of an ONNX graph: a pure function. It works on weights that lie in the graph itself
 * (`inlineWeights` brings those of another file in).
 * @throws BitmodelError `BAD_ONNX`, `GRAPH_NOT_RECOGNISED`
 */
export type GraphVariant = (graph: Uint8Array) => Uint8Array;

/** The error of a graph that lacks what a variant changes. */
export function unrecognised(why: string): BitmodelError {
  return new BitmodelError('GRAPH_NOT_RECOGNISED', `This graph can't be changed so: ${why}.`, {
    next: 'Use a decoder in the onnx-community layout with past_key_values inputs and fp32 weights, such as the bundled one',
  });
}
