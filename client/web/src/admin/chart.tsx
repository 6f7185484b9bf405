/* chart.tsx: one line over the last minutes. The picture is decoration: the figure's caption says the newest value. */
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import uplotStyle from 'uplot/dist/uPlot.min.css';
import { theme } from '../shared/theme.ts';
import { addStyle } from '../shared/ui/style.ts';

addStyle(uplotStyle);

const height = 120;

interface ChartProps {
  title: string;
  unit?: string;
  times: readonly number[];
  values: readonly (number | null)[];
}

export function Chart({ title, unit = '', times, values }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const look = theme.value;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new UPlot(options(element), [[], []], element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => {
    plot.current?.setData([times as number[], values as (number | null)[]]);
  }, [times, values, look]);
  const last = values.at(-1);
  return (
    <figure class="chart">
      <figcaption>
        {title} <b>{last === null || last === undefined ? '–' : valueLabel(last)}</b> {unit}
      </figcaption>
      <div ref={place} class="chart-place" aria-hidden="true" />
    </figure>
  );
}

const few = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const many = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

export function valueLabel(value: number): string {
  return (Math.abs(value) < 1000 ? few : many).format(value);
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

function secondLabel(at_s: number): string {
  return clock.format(new Date(at_s * 1000));
}

function options(element: HTMLElement): UPlot.Options {
  const style = getComputedStyle(element);
  const ink = style.getPropertyValue('color');
  const probe = (name: string) => resolved(element, name);
  const axis = { stroke: ink, grid: { stroke: probe('--line'), width: 1 }, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      { ...axis, size: 28, space: 80, values: (_, splits) => splits.map(secondLabel) },
      { ...axis, size: 56, space: 28, values: (_, splits) => splits.map(valueLabel) },
    ],
    series: [{}, { stroke: probe('--accent'), width: 2, points: { show: false } }],
  };
}

/* light-dark() is only resolved where a real property uses it. */
function resolved(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const colour = getComputedStyle(element).color;
  element.style.color = before;
  return colour;
}
