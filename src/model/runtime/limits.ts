/** Stack of the model's thread: ONNX Runtime puts the process's whole command line on it, and the default of a thread overflows at 15,000 characters. */
export const THREAD_LIMITS = { stackSizeMb: 32 } as const;
