import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ComponentChildren, isValidElement, type VNode } from 'preact';
import { markup } from '../src/shared/markup.ts';

/* Vnodes as short text: <strong>bold</strong>. Only for looking at: nothing is escaped. */
function show(node: ComponentChildren): string {
  if (Array.isArray(node)) return node.map(show).join('');
  if (!isValidElement(node)) return node === null || node === undefined ? '' : String(node);
  const { type, props } = node as VNode<{ children?: ComponentChildren; href?: string }>;
  const href = props.href ? ` ${props.href}` : '';
  return `<${type}${href}>${show(props.children)}</${type}>`;
}

const shows = (text: string, expected: string) => assert.equal(show(markup(text, 'ann')), expected);

test('the usual marks', () => {
  shows('**b** *i* ~~s~~ `c`', '<p><strong>b</strong> <em>i</em> <del>s</del> <code>c</code></p>');
  shows('a\nb', '<p>a<br></br>b</p>');
  shows('> q', '<blockquote><p>q</p></blockquote>');
  shows('```\nx < y\n```', '<pre><code>x < y</code></pre>');
  shows('- a\n- b', '<ul><li><span>a</span></li><li><span>b</span></li></ul>');
});

test('headings and tables do not break out of the message', () => {
  shows('# big', '<p><strong>big</strong></p>');
  shows('|a|\n|-|\n|b|', '<p>|a|\n|-|\n|b|</p>');
});

test('HTML is shown as it was typed', () => {
  shows('<b>x</b>', '<p><b>x</b></p>');
  assert.equal(
    (markup('<img src=x onerror=alert(1)>') as VNode<{ children: string }>[])[0]?.props.children,
    '<img src=x onerror=alert(1)>',
  );
  shows('a &amp; b', '<p>a &amp; b</p>');
});

test('links go to the web and to mail only', () => {
  shows(
    'http://a.example/?b=1&c=2',
    '<p><a http://a.example/?b=1&c=2>http://a.example/?b=1&c=2</a></p>',
  );
  shows('[x](https://a.example)', '<p><a https://a.example>x</a></p>');
  for (const href of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    '//a.example',
    '/r/1',
  ])
    assert.doesNotMatch(show(markup(`[x](${href})`)), /<a /, href);
});

test('pictures are links, so that nothing is fetched', () => {
  shows('![cat](https://a.example/c.png)', '<p><a https://a.example/c.png>cat</a></p>');
});

test('mentions, one’s own marked, but not mail addresses', () => {
  const classes = (text: string) => {
    const found: string[] = [];
    const look = (node: ComponentChildren): void => {
      if (Array.isArray(node)) for (const child of node) look(child);
      if (!isValidElement(node)) return;
      const { props } = node as VNode<{ children?: ComponentChildren; class?: string }>;
      if (props.class) found.push(`${show(props.children)} ${props.class}`);
      look(props.children);
    };
    look(markup(text, 'ann'));
    return found;
  };
  shows('hi @ann.', '<p>hi <span>@ann</span>.</p>');
  assert.deepEqual(classes('@Ann, @bob: hi'), ['@Ann mention mention-me', '@bob mention']);
  assert.deepEqual(classes('**@ann**'), ['@ann mention mention-me']);
  assert.deepEqual(classes('me@ann.example `@ann` @annette'), ['@annette mention']);
});

test('whatever is typed becomes nodes, and none of them is dangerous', () => {
  const pieces = [
    '*',
    '**',
    '_',
    '`',
    '```\n',
    '[',
    '](',
    ')',
    '!',
    '<',
    '>',
    '<script>',
    '\n',
    '\n\n',
    '> ',
    '- ',
    '1. ',
    '# ',
    '|',
    '\\',
    '&lt;',
    'http://a',
    'javascript:',
    '@a',
    'x',
    ' ',
    '    ',
    '\u0000',
    '\ud800',
    '🎉',
  ];
  let seed = 1;
  const random = (limit: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % limit;
  };
  const known = /^(p|strong|em|del|code|pre|blockquote|ul|ol|li|hr|br|span|a)$/;
  const check = (node: ComponentChildren): void => {
    if (Array.isArray(node)) for (const child of node) check(child);
    if (!isValidElement(node)) return;
    const { type, props } = node as VNode<{ children?: ComponentChildren; href?: string }>;
    assert.match(String(type), known);
    assert.equal('dangerouslySetInnerHTML' in props, false);
    if (props.href) assert.match(props.href, /^(https?:\/\/|mailto:)/i);
    check(props.children);
  };
  for (let i = 0; i < 3_000; i++) {
    let text = '';
    for (let length = random(40); length > 0; length--) text += pieces[random(pieces.length)];
    check(markup(text, 'a'));
  }
});

test('what would make the lexer slow or deep is shown as plain text', () => {
  for (const piece of ['[', '>', '_a', '*a ', '- ', '<', '`', '![', '~~a', '> - '])
    for (const length of [4_000, 8_000, 60_000]) {
      const text = piece.repeat(length / piece.length);
      const node = markup(text) as VNode<{ children: string }>;
      assert.equal(node.props.children, text, piece);
    }
});

test('deep nesting ends in text instead of an overflow', () => {
  const text = `${'> '.repeat(300)}x`;
  assert.match(show(markup(text)), /x/);
});
