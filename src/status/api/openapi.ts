/** The OpenAPI 3.1 document, made from the table of operations and the schemas of answers. */

import { z } from "zod";
import { type AnswerKind, isMedia, MEDIA } from "./answer.ts";
import { OPERATIONS, type Operation } from "./operations.ts";
import { ANSWERS, type AnswerName, PARTS } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

/** The document of this version. */
export function openApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of Object.values<Operation>(OPERATIONS)) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method]: operationJson(operation),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "erouted",
      version,
      description:
        "State and control of an IKE VPN concentrator. Times are UTC. Within v1, members may be " +
        "added to answers, and none is removed: ignore those that you do not know.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The server that this document comes from." }],
    paths,
    components: {
      schemas: schemas(),
      securitySchemes: {
        read: { type: "http", scheme: "bearer", description: "status.token_file, if it is set" },
        operate: { type: "http", scheme: "bearer", description: "status.operate_token_file" },
      },
    },
  };
}

/** `get /api/v1/peers/{id}` has the id `get_peers_id`. */
function operationId({ method, path }: Operation): string {
  const words = path.replace(/^\/api\/v1/, "").match(/[a-z]+/g) ?? [];
  return [method, ...words].join("_");
}

function operationJson(operation: Operation): Json {
  const { access, answers, summary } = operation;
  const parameters = Object.entries(operation.parameters).map(([name, parameter]) => {
    const { in: place, isRequired, description, schema } = parameter;
    return { name, in: place, description, schema, ...(isRequired ? { required: true } : {}) };
  });
  const problems = problemsOf(operation).map((status) => [status, problemJson(status)] as const);
  const given = Object.entries(answers).map(([status, answer]) => {
    const description = ANSWER_WORDS[status];
    return [status, { description, content: contentOf(answer) }] as const;
  });
  return {
    operationId: operationId(operation),
    summary,
    parameters,
    security: access === "open" ? [] : [{ [access]: [] }],
    responses: Object.fromEntries([...problems, ...given]),
  };
}

/** Statuses of problems: those in the table, and those that follow from its other columns. */
function problemsOf({ parameters, access, problems }: Operation): readonly number[] {
  return [
    ...(Object.keys(parameters).length > 0 ? [400] : []),
    // Even an operation without a token can be requested with a wrong method.
    ...(access === "open" ? [405] : [401, 429]),
    ...(access === "operate" ? [403] : []),
    ...problems,
  ];
}

function problemJson(status: number): Json {
  const schema = { $ref: "#/components/schemas/Problem" };
  const description = PROBLEM_WORDS[status];
  return { description, content: { "application/problem+json": { schema } } };
}

const ANSWER_WORDS: Readonly<Record<string, string>> = {
  200: "Done, or the requested data.",
  202: "Under way: events after the sequence `after` show the result.",
  503: "Something is wrong.",
};

const PROBLEM_WORDS: Readonly<Record<number, string>> = {
  400: "A parameter is not what it must be.",
  401: "The token is missing or wrong.",
  403: "The configuration does not allow this.",
  404: "No such site is configured, or it is not connected.",
  405: "Only GET and HEAD are possible here.",
  409: "This is not possible now; the detail says why.",
  422: "What was given, or the configuration file, has faults; nothing was changed.",
  429: "Too many requests, or too many wrong tokens: wait a second.",
  503: "Too many requests at once, or the database does not answer: try again.",
};

function contentOf(answer: AnswerKind): Json {
  if (!isMedia(answer)) {
    return { "application/json": { schema: { $ref: `#/components/schemas/${nameOf(answer)}` } } };
  }
  const { type, schema } = MEDIA[answer];
  return { [type.replace(/;.*/, "")]: { schema } };
}

function nameOf(answer: AnswerName): string {
  return `${answer.charAt(0).toUpperCase()}${answer.slice(1)}`;
}

/** The schemas of answers, and of their parts. */
function schemas(): Json {
  const registry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(PARTS)) registry.add(schema, { id });
  for (const [name, schema] of Object.entries(ANSWERS)) {
    registry.add(schema, { id: nameOf(name as AnswerName) });
  }
  const made = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    // The format is enough; its pattern would fill a screen.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  const entries = Object.entries(made.schemas).map(([name, schema]) => {
    const { $schema: _, $id: __, ...rest } = schema as Json;
    return [name, rest] as const;
  });
  return Object.fromEntries(entries);
}
