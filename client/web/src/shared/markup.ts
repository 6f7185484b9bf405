/* markup.ts: a message's text as elements: bold, italic, strike, code, quote, list, link, mention.
 *
 * Only the lexer of `marked` is used. Its tokens become vnodes, so no HTML text is ever made and
 * whatever a message contains can only end up as text. */
import { Lexer, type Token, type Tokens } from 'marked';
import { type ComponentChild, type ComponentChildren, h } from 'preact';

const length_max = 8_000;
/* The lexer needs quadratic time for long runs of markers, and recurses for nested ones. Nobody
 * writes this many by hand: such a text is shown as it stands. */
const markers_max = 800;
const depth_max = 12;

export function markup(text: string, myName = ''): ComponentChildren {
  if (text.length > length_max || hasTooManyMarkers(text)) return plain(text);
  try {
    return Lexer.lex(text, { gfm: true, breaks: true }).map((token) => block(token, myName, 0));
  } catch {
    return plain(text);
  }
}

function plain(text: string): ComponentChild {
  return h('p', null, text);
}

function hasTooManyMarkers(text: string): boolean {
  let markers = 0;
  for (let i = 0; i < text.length; i++) if ('*_~[]<>`-+#'.includes(text[i] as string)) markers++;
  return markers > markers_max;
}

function block(token: Token, me: string, depth: number): ComponentChild {
  if (depth > depth_max) return plain(token.raw);
  switch (token.type) {
    case 'space':
      return null;
    case 'paragraph':
      return h('p', null, inlines(token as Tokens.Paragraph, me, depth));
    case 'heading':
      // A message is no document: its headings must not join those of the page.
      return h('p', null, h('strong', null, inlines(token as Tokens.Heading, me, depth)));
    case 'code':
      return h('pre', { tabIndex: 0 }, h('code', null, (token as Tokens.Code).text));
    case 'blockquote':
      return h('blockquote', null, blocks((token as Tokens.Blockquote).tokens, me, depth));
    case 'list':
      return list(token as Tokens.List, me, depth);
    case 'hr':
      return h('hr', null);
    case 'text':
      return 'tokens' in token && token.tokens
        ? h('span', null, inlines(token as Tokens.Text, me, depth))
        : h('span', null, mentions(token.raw, me));
    default:
      // Tables, HTML, link definitions, whatever a later lexer brings: what was typed.
      return plain(token.raw.replace(/\n+$/, ''));
  }
}

function blocks(tokens: Token[], me: string, depth: number): ComponentChildren {
  return tokens.map((token) => block(token, me, depth + 1));
}

function list(token: Tokens.List, me: string, depth: number): ComponentChild {
  const items = token.items.map((item) => h('li', null, blocks(item.tokens, me, depth)));
  if (!token.ordered) return h('ul', null, items);
  return h('ol', { start: typeof token.start === 'number' ? token.start : 1 }, items);
}

function inlines(token: { tokens?: Token[]; raw: string }, me: string, depth: number) {
  if (!token.tokens || depth > depth_max) return token.raw;
  return token.tokens.map((child) => inline(child, me, depth + 1));
}

function inline(token: Token, me: string, depth: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return h(token.type, null, inlines(token as Tokens.Strong, me, depth));
    case 'codespan':
      return h('code', null, (token as Tokens.Codespan).text);
    case 'br':
      return h('br', null);
    case 'escape':
      return (token as Tokens.Escape).text;
    case 'link':
      return link(token as Tokens.Link, me, depth);
    case 'image':
      // No remote pictures: they would tell a stranger's server who reads this, and when.
      return link({ ...(token as Tokens.Image), type: 'link', tokens: [] }, me, depth);
    case 'text':
      return mentions(token.raw, me);
    default:
      return token.raw;
  }
}

function link(token: Tokens.Link, me: string, depth: number): ComponentChildren {
  if (!/^(https?:\/\/|mailto:)/i.test(token.href)) return token.raw;
  const label = token.tokens.length > 0 ? inlines(token, me, depth) : token.text || token.href;
  const safe = { target: '_blank', rel: 'noopener noreferrer nofollow', title: token.href };
  return h('a', { href: token.href, ...safe }, label);
}

/* The lookbehind keeps mail addresses out. */
const mention = /(?<![\p{L}\p{N}_.@-])@[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}/gu;

function mentions(text: string, me: string): ComponentChildren {
  const parts: ComponentChild[] = [];
  let end = 0;
  for (const match of text.matchAll(mention)) {
    const name = match[0].replace(/[.-]+$/, '');
    parts.push(text.slice(end, match.index));
    const isMe = name.slice(1).toLowerCase() === me.toLowerCase();
    parts.push(h('span', { class: isMe ? 'mention mention-me' : 'mention' }, name));
    end = match.index + name.length;
  }
  if (parts.length === 0) return text;
  parts.push(text.slice(end));
  return parts;
}
