// Of the kinds of a body that an endpoint takes orval would mix several.
const include = ["application/json", "application/problem+json", "multipart/form-data"];
const output = { target: "made/orval.ts", client: "fetch", baseUrl: process.env.SERVED, override: { contentType: { include } } };
module.exports = { glyphvae: { input: "openapi.json", output } };
