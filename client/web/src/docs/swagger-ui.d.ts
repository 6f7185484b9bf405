/* swagger-ui.d.ts: as much of the viewer as main.ts uses; the package brings no types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export interface ViewerRequest {
    method?: string;
    headers?: Record<string, string>;
  }
  interface System {
    React: { createElement(type: string, props: object | null, ...children: unknown[]): unknown };
  }
  export type Plugin = (system: System) => {
    wrapComponents: Record<string, () => (props: { source?: string }) => unknown>;
  };
  export default function SwaggerUI(options: {
    url: string;
    domNode: HTMLElement;
    deepLinking: boolean;
    docExpansion: 'list' | 'full' | 'none';
    filter: boolean;
    validatorUrl: null;
    requestInterceptor: (request: ViewerRequest) => Promise<ViewerRequest>;
    plugins: Plugin[];
  }): void;
}
declare module 'swagger-ui-dist/swagger-ui.css';
