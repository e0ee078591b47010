/** What became of a message. */
export type PoolResult =
  | { readonly status: 'new' | 'known' | 'waiting' }
  | {
      readonly status: 'refused';
      readonly reason: string;
      /**
       * Whether the message itself shows that it should never have been passed on, whatever else is known; what is
       * refused for another reason may be welcome elsewhere, or here after the next block.
       */
      readonly fault: boolean;
    };

/** A refusal. */
export const refused = (reason: string, fault = false): PoolResult => ({
  status: 'refused',
  reason,
  fault,
});
