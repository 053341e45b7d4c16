/** Attributes as OTLP/JSON writes them. */

/** A number is a whole one unless it is marked. Null: not known, so not there. */
export type Values = Readonly<
  Record<string, string | number | boolean | { readonly double: number } | null>
>;

export interface Attribute {
  readonly key: string;
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number }
    | { readonly boolValue: boolean };
}

export function attributesOf(values: Values): readonly Attribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === null ? [] : [{ key, value: valueOf(value) }],
  );
}

/** Whole numbers are of 64 bits, which JSON's are not: they are written as text. */
function valueOf(value: NonNullable<Values[string]>): Attribute["value"] {
  if (typeof value === "string") return { stringValue: value.toWellFormed() };
  if (typeof value === "boolean") return { boolValue: value };
  return typeof value === "number" ? { intValue: String(value) } : { doubleValue: value.double };
}
