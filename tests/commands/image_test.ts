import { assertEquals, assertThrows } from "@std/assert";
import { imageIn as imageInText, unpack } from "../../src/commands/image.ts";
import { ObjectText } from "../../src/protocol/object_text.ts";
import { IMAGES } from "../support/images.ts";

function imageIn(params: unknown) {
  return imageInText(ObjectText.parse(JSON.stringify(params))!);
}

const PNG = IMAGES.png.toBase64();

for (const [format, image] of Object.entries(IMAGES)) {
  Deno.test(`a ${format} image is told by its first bytes, whatever its data URL says`, () => {
    const expected = { name: `image.${format}`, bytes: image };
    const encoded = image.toBase64();
    const forms = [
      encoded,
      `data:image/tiff;base64,${encoded}`,
      `DATA:;charset=x;BASE64,${encoded}`,
    ];
    for (const text of forms) assertEquals(imageIn({ image_bytes_base64: text }), expected);
  });
}

Deno.test("GIF87a is a GIF as well", () => {
  const image = new TextEncoder().encode("GIF87a....");
  assertEquals(imageIn({ image_bytes_base64: image.toBase64() })?.name, "image.gif");
});

Deno.test("base64 may be broken into lines, and go without padding", () => {
  const wrapped = PNG.replace(/.{7}/g, "$&\r\n") + "\n";
  for (const text of [wrapped, `data:image/png;base64,\n${wrapped}`, PNG.replace(/=+$/, "")]) {
    assertEquals(imageIn({ image_bytes_base64: text })?.bytes, IMAGES.png);
  }
});

Deno.test("without an image there is none", () => {
  for (const params of [{}, { image_bytes_base64: null }, { image: "path" }]) {
    assertEquals(imageIn(params), undefined);
  }
});

const REFUSED: readonly [name: string, value: unknown, why: string][] = [
  ["text", btoa("hello world"), "is no PNG, JPEG, GIF or WebP image"],
  ["SVG, which is a program", btoa("<svg xmlns='x'/>"), "is no PNG, JPEG, GIF or WebP image"],
  [
    "a RIFF that is no WebP",
    btoa("RIFF\x00\x00\x00\x00WAVEfmt "),
    "is no PNG, JPEG, GIF or WebP image",
  ],
  ["nothing", "", "is no PNG, JPEG, GIF or WebP image"],
  ["the magic number alone, cut short", btoa("\x89PN"), "is no PNG, JPEG, GIF or WebP image"],
  ["no base64", "%%%", "is not base64"],
  ["a data URL that is not base64", "data:image/png,hello", "is not base64"],
  ["a list", [1, 2], "must be a string"],
  ["a number", 7, "must be a string"],
];

for (const [name, value, why] of REFUSED) {
  Deno.test(`${name} is no image`, () => {
    assertThrows(
      () => imageIn({ image_bytes_base64: value }),
      TypeError,
      `image_bytes_base64 ${why}`,
    );
  });
}

Deno.test("params without an image become one file, as they are", () => {
  for (
    const params of ['{"x": 1.0}', '{"note":"image_bytes_base64"}', '{"image_bytes_base64":null}']
  ) {
    assertEquals(unpack(params, "/w/c1"), [{ name: "params.json", bytes: params }]);
  }
});

Deno.test("an image becomes a file, and its path stands in the params in its place", () => {
  const params =
    `{"image":"old","seed":12345678901234567890,"image_bytes_base64":"${PNG}","__proto__":1}`;
  assertEquals(unpack(params, "/w/c1"), [
    {
      name: "params.json",
      bytes: '{"image":"/w/c1/image.png","seed":12345678901234567890,"__proto__":1}',
    },
    { name: "image.png", bytes: IMAGES.png },
  ]);
});
