// Calls every endpoint by openapi-fetch, with the types of openapi-typescript.
import createClient from "openapi-fetch";
import type { paths } from "./made/schema";
import { expect, image, served } from "./common";

const client = createClient<paths>({ baseUrl: served, headers: { Accept: "application/json" } });
const form = () => {
  const files = new FormData();
  files.append("file", image, "j.npy");
  return files;
};
// Its types call binary content a string.
const upload = { body: { file: [] as string[] }, bodySerializer: form };
const graph = { name: "cvae-decoder" };
const version = { name: "cvae-decoder", version: "1" };
const tensors = {
  inputs: [
    { name: "z", datatype: "FP32", shape: [1, 6], data: [0, 0, 0, 0, 0, 0] },
    { name: "label", datatype: "INT64", shape: [1, 1], data: [19] },
  ],
};

async function main() {
  for (const response of [
    await client.POST("/generate", { params: { query: { label: ["J"], n: 2 } } }),
    await client.GET("/generate", { params: { query: { label: ["J"] } } }),
    await client.POST("/encode", { params: { query: { preprocess: "none" } }, ...upload }),
    await client.POST("/reconstruct", { params: { query: { preprocess: "none" } }, ...upload }),
    await client.POST("/render-text", { body: { text: "HI" } }),
    await client.GET("/render-text", { params: { query: { text: "HI" } } }),
    await client.POST("/interpolate", { params: { query: { label: ["A", "B"] } } }),
    await client.POST("/traverse", { params: { query: { latent: [1], label: "A" } } }),
    await client.GET("/models"),
    await client.GET("/models/{name}", { params: { path: { name: "vae" } } }),
    await client.GET("/"),
    await client.GET("/livez"),
    await client.GET("/readyz"),
    await client.GET("/v2"),
    await client.GET("/v2/health/live"),
    await client.GET("/v2/health/ready"),
    await client.GET("/v2/models/{name}", { params: { path: graph } }),
    await client.GET("/v2/models/{name}/ready", { params: { path: graph } }),
    await client.GET("/v2/models/{name}/versions/{version}", { params: { path: version } }),
    await client.GET("/v2/models/{name}/versions/{version}/ready", { params: { path: version } }),
    await client.GET("/v2/models/stats"),
    await client.GET("/v2/models/{name}/config", { params: { path: graph } }),
    await client.GET("/v2/models/{name}/stats", { params: { path: graph } }),
    await client.GET("/v2/models/{name}/versions/{version}/config", { params: { path: version } }),
    await client.GET("/v2/models/{name}/versions/{version}/stats", { params: { path: version } }),
    await client.POST("/v2/repository/index", { body: { ready: true } }),
    await client.POST("/v2/models/{name}/infer", { params: { path: graph }, body: tensors }),
    await client.POST("/v2/models/{name}/versions/{version}/infer", { params: { path: version }, body: tensors }),
    await client.POST("/dataset", { body: { count: 3 }, parseAs: "blob" }),
  ]) {
    expect(response.response.status === 200, `${response.response.url}: ${JSON.stringify(response.error)}`);
  }
  // The image is blank, and the known models have no hand and draw no strokes.
  const refused = [
    await client.POST("/read", upload),
    await client.POST("/hand", upload),
    await client.POST("/font", { body: { family: "My Hand" }, params: { query: { format: "ttf" } } }),
  ];
  for (const response of refused) {
    expect(response.error?.type === "urn:glyphvae:problem:invalid-parameter", JSON.stringify(response.error));
  }
  // The service that is called leaves its models to its operator.
  for (const response of [
    await client.POST("/v2/repository/models/{name}/load", { params: { path: graph } }),
    await client.POST("/v2/repository/models/{name}/unload", { params: { path: graph }, body: { parameters: {} } }),
  ]) {
    expect(response.response.status === 403 && !!response.error?.error, JSON.stringify(response.error));
  }
}

main();
