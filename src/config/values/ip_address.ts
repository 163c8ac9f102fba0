/**
 * Which texts are addresses of IP. `node:net` knows that as well, but takes longer to load than any
 * command of the command line takes to run.
 *
 * @module
 */

/** Whether a text is an IPv6 address, which may name its zone: `fe80::1%eth0`. */
export function isIPv6(text: string): boolean {
  const [, address] = /^([\da-f:.]+)(?:%[\w.-]+)?$/i.exec(text) ?? [];
  return address !== undefined && URL.canParse(`http://[${address}]`);
}

/** Whether a text is an IPv4 address of four decimal numbers, or an IPv6 address. */
export function isIP(text: string): boolean {
  const isIPv4 = /^\d+(\.\d+){3}$/.test(text) && URL.parse(`http://${text}`)?.hostname === text;
  return isIPv4 || isIPv6(text);
}
