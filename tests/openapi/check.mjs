// An independent check of the API description: is it OpenAPI 3.1, are its schemas JSON Schema 2020-12, do its examples match
// them? check.mjs FILE prints errors, then "N passed, N failed"; exits 1 after a failure.
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const file = process.argv[2];
let passed = 0;
let failed = 0;

function count(what, errors) {
  if (!errors?.length) {
    passed += 1;
    return;
  }
  failed += 1;
  console.log(`${what}: ${JSON.stringify(errors, null, 2)}`);
}

function attempt(what, work) {
  try {
    count(what, work());
  } catch (error) {
    count(what, [error.message]);
  }
}

const description = JSON.parse(readFileSync(file, "utf8"));
const verdict = await new Validator().validate(structuredClone(description));
count("OpenAPI 3.1", verdict.valid ? [] : [].concat(verdict.errors));

/** The schema with its references to components.schemas where ajv finds them. */
const located = (schema) =>
  JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/components/schemas/', '"$ref":"api#/$defs/'));

// Strict: an unknown keyword is an error, because a misspelt one would check nothing. strictRequired would forbid the "one of
// these two" of the login.
const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
addFormats(ajv);
ajv.addVocabulary(["x-status"]);
ajv.addSchema({ $id: "api", $defs: located(description.components.schemas) });

/** Every "schema" member outside components.schemas, with its path. */
function* placedSchemas(value, where) {
  if (value === null || typeof value !== "object") return;
  for (const [name, member] of Object.entries(value)) {
    if (name === "schemas") continue;
    if (name === "schema") yield [`${where}/schema`, member, value];
    else yield* placedSchemas(member, `${where}/${name}`);
  }
}

for (const [name, schema] of Object.entries(description.components.schemas)) {
  attempt(`schema ${name}`, () => {
    const validate = ajv.compile(located(schema));
    return (schema.examples ?? []).flatMap((example) => (validate(example) ? [] : validate.errors));
  });
}
for (const [where, schema, owner] of placedSchemas(description, "#")) {
  attempt(where, () => {
    const validate = ajv.compile(located(schema));
    return owner.example === undefined || validate(owner.example) ? [] : validate.errors;
  });
}

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
