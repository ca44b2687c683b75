/** The part of parse-prometheus-text-format that the tests use; it comes without types. */

declare module "parse-prometheus-text-format" {
  export type Metric = {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly metrics: readonly {
      readonly value?: string;
      readonly labels?: Readonly<Record<string, string>>;
    }[];
  };
  // biome-ignore lint/style/noDefaultExport: the package exports it so
  export default function parsePrometheus(text: string): readonly Metric[];
}
