// The part of @std/text's interface that this repository uses.
export function closestString(givenWord: string, possibleWords: readonly string[]): string;
