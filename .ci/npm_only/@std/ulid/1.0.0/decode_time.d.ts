// The part of @std/ulid's interface that this repository uses.
export function decodeTime(ulid: string): number;
