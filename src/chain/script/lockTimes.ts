/** Lock times below are heights, others are seconds since 1970 (BIP65). */
export const LOCK_TIME_THRESHOLD = 500_000_000;

/** Sequence of an input that no lock time holds back. */
export const FINAL_SEQUENCE = 0xffff_ffff;

/** Bit of a sequence (BIP68) that says it is no relative lock. */
export const SEQUENCE_DISABLED = 0x8000_0000;

/** Bit of a sequence that says it counts time, not blocks. */
export const SEQUENCE_IS_TIME = 0x40_0000;

/** Bits of a sequence that count, and so the longest relative lock. */
export const SEQUENCE_MASK = 0xffff;

/** Seconds of one unit of a relative lock by time (BIP68). */
export const SEQUENCE_TIME_UNIT = 512;
