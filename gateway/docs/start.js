// Shows the gateway's own description. The validator is another host's: it is never asked.
SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("page"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
