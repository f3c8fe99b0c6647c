/** Writes `envelope.json` anew. Run it after a change of the wire protocol, and read the diff. */
import { writeFileSync } from "node:fs";
import { envelopeVectorText } from "../generate-envelope.ts";

writeFileSync(new URL("../envelope.json", import.meta.url), envelopeVectorText());
