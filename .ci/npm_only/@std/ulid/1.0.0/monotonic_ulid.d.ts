// The part of @std/ulid's interface that this repository uses.
export function monotonicUlid(seedTime?: number): string;
