// The API's description, read by a program: what it says of an operation, values that keep to it and values that do not,
// and whether an answer is one that it promises.
import Ajv from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const NAME = 'description';
const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** Every operation: {id, method, path, params, body (a schema or null), bodyTypes, answers, security, isRead}. */
export function operations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods
      .filter((method) => item[method])
      .map((method) => {
        const operation = item[method];
        const content = operation.requestBody?.content ?? {};
        return {
          id: operation.operationId,
          method: method.toUpperCase(),
          path,
          params: (operation.parameters ?? []).map((param) => resolved(document, param)),
          body: content['application/json']?.schema ?? null,
          bodyTypes: Object.keys(content),
          answers: operation.responses,
          security: operation.security,
          rpc: operation['x-rpc'],
          isRead: method === 'get',
        };
      }),
  );
}

/** @value, or what its $ref leads to. */
export function resolved(document, value) {
  if (!value?.$ref) return value;
  const words = value.$ref.replace(/^#\//, '').split('/');
  const target = words.reduce(
    (at, word) => at?.[word.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  );
  if (target === undefined) throw new Error(`${value.$ref} leads nowhere`);
  return resolved(document, target);
}

/** Every object below @value that has a member @name. */
export function* having(value, name) {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && Object.hasOwn(value, name)) yield value;
  for (const child of Object.values(value)) yield* having(child, name);
}

/**
 * A judge of answers: (operation, answer) → why it is not as described, or null. It is stricter than the description:
 * a member that no schema names would be news to whoever reads it.
 */
export function judge(document) {
  const ajv = new Ajv({ strict: false, allErrors: true });
  (formats.default ?? formats)(ajv);
  ajv.addSchema(closed(document), NAME);
  return (operation, answer) => {
    const said = resolved(document, operation.answers[answer.status]);
    if (!said) return `the status ${answer.status} is not described: ${answer.text}`;
    const type = answer.headers['content-type'];
    if (!said.content || answer.status === 304) return answer.text === '' ? null : `a text with ${answer.status}`;
    if (!said.content[type]) return `${answer.status} as ${type}, not ${Object.keys(said.content)}`;
    const schema = closed(said.content[type].schema);
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', `"${NAME}#/`)));
    if (validate(answer.body)) return null;
    return `${answer.status}: ${ajv.errorsText(validate.errors)}: ${answer.text.slice(0, 300)}`;
  };
}

/* Objects with named members get no others. */
function closed(value) {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, closed(child)]));
  const types = [copy.type].flat();
  if (types.includes('object') && copy.properties && copy.additionalProperties === undefined)
    copy.additionalProperties = false;
  return copy;
}

let counter = 0;
export const fresh = (word = 'w') => `${word}${process.pid}x${++counter}`;

const byFormat = {
  date: '2026-01-31',
  'date-time': '2026-01-31T12:00:00.000Z',
  email: () => `${fresh()}@example.org`,
  uri: 'https://example.org/page',
  uuid: '6f1c4a9e-7d5b-4c1e-9f0a-2b3c4d5e6f70',
};
const candidates = [() => `WEB-${++counter % 999999}`, () => fresh(), () => `/${fresh()}`, () => 'members'];

/** A value that keeps to @schema. @references: model → id of a row. Undefined: none is known. */
export function sample(document, schema, references = {}) {
  const at = resolved(document, schema);
  const type = [at.type].flat()[0];
  if (at.const !== undefined) return at.const;
  if (at.enum) return at.enum[0];
  if (at.anyOf) return sample(document, at.anyOf[0], references);
  if (at['x-references']) return references[at['x-references']];
  if (at.pattern) return candidates.map((make) => make()).find((text) => new RegExp(at.pattern).test(text));
  if (at.format) return [byFormat[at.format]].map((made) => (typeof made === 'function' ? made() : made))[0];
  switch (type) {
    case 'integer':
    case 'number':
      return Math.max(at.minimum ?? 1, Math.min(1, at.maximum ?? 1));
    case 'boolean':
      return true;
    case 'array':
      return at.items ? [sample(document, at.items, references)].filter((item) => item !== undefined) : [];
    case 'object':
      return sampleObject(document, at, references);
    default: {
      const text = fresh();
      return text.padEnd(at.minLength ?? 0, 'x').slice(0, at.maxLength ?? text.length + 100);
    }
  }
}

/** All members of an object's schema, as far as values are known; required ones only with @isShort. */
export function sampleObject(document, schema, references = {}, isShort = false) {
  const at = resolved(document, schema);
  const names = Object.keys(at.properties ?? {}).filter((name) => !isShort || at.required?.includes(name));
  return Object.fromEntries(
    names
      .map((name) => [name, sample(document, at.properties[name], references)])
      .filter(([, value]) => value !== undefined),
  );
}

/** [value, what is wrong with it]: values that break @schema. In a query (@isText) every value is a text. */
export function badValues(document, schema, isText = false) {
  const at = resolved(document, schema);
  const types = [at.type].flat().filter(Boolean);
  const bad = [];
  const wrong = (value, why) => bad.push([value, why]);
  if (at.enum) wrong('no such word', 'not one of the words');
  if (types.includes('integer')) {
    wrong('x', 'a text');
    wrong(1.5, 'a fraction');
    if (!isText) wrong(true, 'a truth');
  }
  if (types.includes('integer') || types.includes('number')) {
    if (at.minimum !== undefined) wrong(at.minimum - 1, 'too small');
    if (at.maximum !== undefined && at.maximum < Number.MAX_SAFE_INTEGER) wrong(at.maximum + 1, 'too large');
  }
  if (types.includes('boolean')) wrong('perhaps', 'not a truth');
  if (types.includes('string')) {
    if (!isText) {
      wrong(7, 'a number');
      wrong(['x'], 'a list');
      wrong({ a: 1 }, 'an object');
    }
    if (at.minLength) wrong('', 'empty');
    if (at.maxLength) wrong('x'.repeat(at.maxLength + 1), 'too long');
    if (at.format && at.format !== 'uri') wrong('neither date nor address', 'in no such format');
    if (at.pattern) wrong('\u00e4 not like this', 'against the pattern');
  }
  if (types.includes('array') && !isText) {
    wrong('x', 'a text');
    wrong([{ a: 1 }], 'a list of objects');
  }
  return bad;
}
