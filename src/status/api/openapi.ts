/** The OpenAPI 3.1 document, made from the operations, their parameters and answers. */

import { z } from "zod";
import { PEER_ID_LENGTH_MAX } from "../../eroute/peer-id.ts";
import { OPERATIONS, type Operation, PARAMETERS } from "./operations.ts";
import { ANSWERS, type AnswerName, PARTS } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

/** The document of this version. */
export function openApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of OPERATIONS) {
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
        "State and control of an IKE VPN concentrator. Times are UTC. What this version does not " +
        "know may be added to answers; nothing is removed within v1.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "Where this document comes from." }],
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
  const { summary, path, parameters = [], access, answer, problems = [] } = operation;
  const inPath = path.includes("{id}") ? [PEER_ID] : [];
  const inQuery = parameters.map((name) => {
    const isRequired = operation.required?.includes(name) ?? false;
    return { name, in: "query", ...PARAMETERS[name], ...(isRequired ? { required: true } : {}) };
  });
  const statuses = [
    ...(inQuery.length + inPath.length > 0 ? [400] : []),
    // Whatever is open can still be asked for in a wrong way.
    ...(access === "open" ? [405] : [401]),
    ...(access === "operate" ? [403, 404, 429] : []),
    ...problems,
  ];
  const refusals = statuses.map((status) => [String(status), answerOf(status, operation)] as const);
  return {
    operationId: operationId(operation),
    summary,
    parameters: [...inPath, ...inQuery],
    security: access === "open" ? [] : [{ [access]: [] }],
    responses: {
      ...Object.fromEntries(refusals),
      [access === "operate" ? "2XX" : "200"]: {
        description: access === "operate" ? "Done, or under way." : "What was asked for.",
        content: contentOf(answer),
      },
    },
  };
}

/** A health that is not well has a body of its own. */
function answerOf(status: number, { answer }: Operation): Json {
  if (answer === "health" && status === 503) {
    return { description: "Something is wrong.", content: contentOf("health") };
  }
  const schema = { $ref: "#/components/schemas/Problem" };
  return { description: STATUSES[status], content: { "application/problem+json": { schema } } };
}

const STATUSES: Readonly<Record<number, string>> = {
  400: "A parameter is not what it has to be.",
  401: "The token is missing or wrong.",
  403: "Nobody may: there is no such token in the configuration.",
  404: "There is no such site.",
  405: "Only GET and HEAD are possible here.",
  409: "That cannot be done with this site.",
  422: "The configuration file has faults: the former one stays in force.",
  429: "Too many at once: wait a second.",
  503: "Too many at once: try again.",
};

const PEER_ID = {
  name: "id",
  in: "path",
  required: true,
  description: "The site's peer ID, percent-encoded.",
  schema: { type: "string", minLength: 1, maxLength: PEER_ID_LENGTH_MAX },
};

function contentOf(answer: Operation["answer"]): Json {
  switch (answer) {
    case "event stream":
      return { "text/event-stream": { schema: { type: "string" } } };
    case "keys":
      return { "text/plain": { schema: { type: "string" } } };
    case "pcapng":
      return { "application/x-pcapng": { schema: { type: "string", format: "binary" } } };
    case "metrics":
      return { "text/plain": { schema: { type: "string" } } };
    case "page":
      return { "text/html": { schema: { type: "string" } } };
    case "openapi":
      return { "application/json": { schema: { type: "object" } } };
    default:
      return { "application/json": { schema: { $ref: `#/components/schemas/${nameOf(answer)}` } } };
  }
}

function nameOf(answer: AnswerName): string {
  return `${answer.charAt(0).toUpperCase()}${answer.slice(1)}`;
}

/** Those of the answers, and what they are made of. */
function schemas(): Json {
  const registry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(PARTS)) registry.add(schema, { id });
  for (const [name, schema] of Object.entries(ANSWERS)) {
    registry.add(schema, { id: nameOf(name as AnswerName) });
  }
  const made = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    // The format says it; the pattern behind it is a screenful.
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
