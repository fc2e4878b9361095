// Every address is relative, so that the page works below any path that a proxy serves it under.
const service = new URL(".", location.href);

async function start() {
  const response = await fetch(new URL("openapi.json", service));
  const spec = await response.json();
  if (!response.ok) throw new Error(spec.detail);
  // "Execute" calls the service that this page comes from, whatever the document says.
  spec.servers = [{ url: service.href.replace(/\/$/, "") }];
  SwaggerUIBundle({ spec, dom_id: "#endpoints", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
}

start().catch((error) => {
  document.getElementById("endpoints").textContent = `The list of endpoints cannot be shown: ${error.message}`;
});
