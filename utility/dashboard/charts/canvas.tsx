/** Draws a chart with ECharts. A file of its own, loaded when the first chart is there. */
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { type ReactNode, useEffect, useRef } from "react";
import { useIsDark } from "../ui/theme.ts";
import type { ChartModel } from "./model.ts";
import { optionOf } from "./option.ts";

use([BarChart, LineChart, ScatterChart, CustomChart, GridComponent, TooltipComponent, CanvasRenderer]);

export interface ChartCanvasProps {
  readonly model: ChartModel;
  readonly height: number;
}

export function ChartCanvas({ model, height }: ChartCanvasProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(null);
  const dark = useIsDark();

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = init(element);
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    chart.current?.setOption(optionOf(model, getComputedStyle(element)), { notMerge: true });
  }, [model, dark]);

  return <div ref={box} style={{ height }} />;
}
