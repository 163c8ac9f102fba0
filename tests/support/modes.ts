/** Who may do what with files, and under which umask they are made. */

/** The permission bits of a file, in octal. */
export function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

/** Does something under another umask. */
export function withUmask<T>(umask: number, body: () => T): T {
  const before = Deno.umask(umask);
  try {
    return body();
  } finally {
    Deno.umask(before);
  }
}
