// Which part of an answer does `fields` ask for? Google's partial responses:
//   fields=id,payload(headers,parts(partId,body/size)),messages/*
// A mask is a Map from name to mask, or null for "all of it".

/** @throws {InvalidField} for a mask that is malformed or names what is not there */
export function parse(text, schemas, schema) {
  const reader = { text, at: 0 };
  const mask = list(reader);
  if (reader.at < text.length) throw new InvalidField(text);
  check(mask, schemas, { $ref: schema }, "");
  return mask;
}

export function select(value, mask) {
  if (mask === null || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((each) => select(each, mask));
  const chosen = {};
  for (const [name, under] of Object.entries(value)) {
    const inner = mask.has(name) ? mask.get(name) : mask.get("*");
    if (inner !== undefined) chosen[name] = select(under, inner);
  }
  return chosen;
}

export class InvalidField extends Error {
  constructor(field) {
    super(`Invalid field selection ${field}`);
  }
}

function list(reader) {
  const mask = new Map();
  do {
    path(reader, mask);
  } while (take(reader, ","));
  return mask;
}

function path(reader, mask) {
  const name = /^(\*|[A-Za-z][\w-]*)/.exec(reader.text.slice(reader.at))?.[0];
  if (!name) throw new InvalidField(reader.text.slice(reader.at) || reader.text);
  reader.at += name.length;
  if (take(reader, "/")) {
    const under = mask.get(name) === null ? new Map() : (mask.get(name) ?? new Map());
    path(reader, under);
    merge(mask, name, under);
  } else if (take(reader, "(")) {
    const under = list(reader);
    if (!take(reader, ")")) throw new InvalidField(reader.text.slice(reader.at));
    merge(mask, name, under);
  } else {
    mask.set(name, null);
  }
}

function merge(mask, name, under) {
  const before = mask.get(name);
  if (before === null) return;
  if (before === undefined) mask.set(name, under);
  else for (const [key, value] of under) merge2(before, key, value);
}

function merge2(mask, key, value) {
  if (value === null) mask.set(key, null);
  else merge(mask, key, value);
}

function take(reader, sign) {
  if (reader.text[reader.at] !== sign) return false;
  reader.at++;
  return true;
}

function check(mask, schemas, schema, where) {
  let shape = schema;
  while (shape?.$ref || shape?.items)
    shape = shape.$ref ? schemas[shape.$ref] : shape.items;
  for (const [name, under] of mask) {
    if (name === "*") continue;
    const property = shape?.properties?.[name];
    if (!property) throw new InvalidField(where + name);
    if (under !== null) check(under, schemas, property, `${where}${name}/`);
  }
}
