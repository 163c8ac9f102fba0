/**
 * What the emulated platform answers. An HTTP response, also where MQTT carries it.
 *
 * @module
 */

/** The fields of a request or of an answer. */
export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a request's body; none when it is no JSON object. */
export function fieldsOf(body: unknown): Fields {
  return typeof body === "object" && body !== null ? body as Fields : {};
}

/** Says that all is well, and what there is to say beside. */
export function accepted(fields: Fields = {}): Response {
  return Response.json({ success: true, message: "OK", ...fields });
}

/** Says what is wrong. */
export function refusal(status: number, message: string): Response {
  return Response.json({ success: false, message }, { status });
}
