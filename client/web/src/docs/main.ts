/* main.ts: the page that shows the API. The viewer is a package; here is what it needs to live under our policy:
 * nothing from elsewhere, and no text that becomes markup. */
import SwaggerUI, {
  type Plugin,
  type ViewerRequest,
} from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';

/* The viewer would make HTML of descriptions, which Trusted Types forbid. Ours are sentences with `code` in them. */
const plainDescriptions: Plugin = ({ React }) => ({
  wrapComponents: {
    Markdown:
      () =>
      ({ source }) =>
        React.createElement(
          'div',
          { className: 'markdown' },
          // Every second part stands between backticks.
          ...(source ?? '')
            .split('`')
            .map((part, i) => (i % 2 === 1 ? React.createElement('code', null, part) : part)),
        ),
  },
});

/* "Try it out" is done as who is signed in here: the cookie goes by itself, and what writes needs the token too. */
async function addToken(request: ViewerRequest): Promise<ViewerRequest> {
  const isRead = /^(GET|HEAD)$/i.test(request.method ?? 'GET');
  if (isRead || request.headers?.['X-CSRF-Token'] || request.headers?.Authorization) return request;
  const me = await fetch('/api/v1/me');
  if (me.ok) request.headers = { ...request.headers, 'X-CSRF-Token': (await me.json()).csrf };
  return request;
}

function followTheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const show = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', show);
  show();
}

followTheme();
const main = document.body.appendChild(document.createElement('main'));
SwaggerUI({
  url: '/api/v1/openapi.json',
  domNode: main,
  deepLinking: true,
  docExpansion: 'list',
  filter: true,
  validatorUrl: null, // it would send the document to another host
  requestInterceptor: addToken,
  plugins: [plainDescriptions],
});
