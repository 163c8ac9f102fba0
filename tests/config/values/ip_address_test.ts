import { assertEquals } from "@std/assert";
import * as net from "node:net";
import { isIP, isIPv6 } from "../../../src/config/values/ip_address.ts";

const TEXTS = [
  ...["127.0.0.1", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4"],
  ...["0x7f.0.0.1", "127.1", "::", "::1", "::ffff:1.2.3.4", "2001:db8::8a2e:370:7334", "1:2:3"],
  ...["fe80::1%eth0", "fe80::1%", "::1]", "[::1]", "::1/64", "::1 ", "::g", "1::2::3", "", "host"],
  ...["::1]:80/[", "12345::", ":::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "::ffff:1.2.3.400"],
];

Deno.test("what is an address of IP is what node:net takes for one", () => {
  for (const text of TEXTS) {
    assertEquals([text, isIPv6(text), isIP(text)], [text, net.isIPv6(text), net.isIP(text) !== 0]);
  }
});
