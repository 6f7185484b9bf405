/* problem.ts: what went wrong, in words for the person and in a shape for the program. The server
 * says it the same way by both doors: a problem document (RFC 9457). */

import { names } from './text.ts';

interface ProblemDocument {
  status?: number;
  title?: string;
  detail?: string;
  code?: string;
  needs?: { model?: string; right?: string };
  ask?: { id?: number; name?: string }[];
  errors?: { pointer?: string; detail?: string }[];
}

export class Problem extends Error {
  override name = 'Problem';

  constructor(
    /** The HTTP status; 0 if the server was not reached. */
    readonly status: number,
    readonly code: string,
    detail: string,
    /** By field name, what is wrong with it. */
    readonly fields: Readonly<Record<string, string>> = {},
    /** The right that is missing. */
    readonly needs: { model: string; right: string } | null = null,
    /** Names of people who can grant it. */
    readonly ask: readonly string[] = [],
  ) {
    super(detail);
  }

  /** All there is to say, where no field is at hand to put its part beside. */
  get words(): string {
    const said = Object.values(this.fields).join(' ') || this.message;
    // The server says it in its sentence where it can.
    const unsaid = this.ask.filter((name) => !said.includes(name));
    return unsaid.length > 0 ? `${said} ${names(this.ask)} can grant it.` : said;
  }

  /** The same request may well succeed later. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const unreachable = () =>
  new Problem(0, 'unreachable', 'The server cannot be reached. Check your connection.');

const wordsByStatus: Record<number, string> = {
  400: 'The server did not understand the request.',
  401: 'Please sign in again.',
  403: 'You may not do this.',
  404: 'There is nothing here that you may see.',
  409: 'It exists already.',
  413: 'That is too large.',
  429: 'That was too fast. Wait a moment and try again.',
  503: 'The server is busy. Try again in a moment.',
};

export function problemFromDocument(status: number, value: unknown): Problem {
  const document = (typeof value === 'object' && value !== null ? value : {}) as ProblemDocument;
  const fields: Record<string, string> = {};
  for (const error of Array.isArray(document.errors) ? document.errors : [])
    if (error.pointer && error.detail) fields[error.pointer.replace(/^\//, '')] = error.detail;
  const detail =
    document.detail ||
    document.title ||
    wordsByStatus[status] ||
    `The server answered with error ${status}.`;
  const { model, right } = document.needs ?? {};
  const needs = model && right ? { model, right } : null;
  const ask = Array.isArray(document.ask) ? document.ask.flatMap(({ name }) => name ?? []) : [];
  return new Problem(status, document.code ?? `http_${status}`, detail, fields, needs, ask);
}

/* Codes of the protocol that can come without a document, and the status they stand for. The
 * codes below 100 are the SDK's own: time ran out or the socket closed before the answer. */
const statusByRealtimeCode: Record<number, number> = {
  100: 503,
  101: 401,
  102: 404,
  103: 403,
  104: 404,
  107: 400,
  108: 404,
  111: 429,
};

export function problemFromRealtime(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { code, message } = (error ?? {}) as { code?: number; message?: string };
  if (typeof code !== 'number' || code < 100) return unreachable();
  try {
    const document = JSON.parse(message ?? '') as ProblemDocument;
    if (typeof document.status === 'number') return problemFromDocument(document.status, document);
  } catch {
    // Plain words then: the status follows from the code.
  }
  return problemFromDocument(statusByRealtimeCode[code] ?? code, { detail: '' });
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(-1, 'client', String(error));
}
