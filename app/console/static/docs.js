// The routes as Swagger UI shows them, in the place of the plain table.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false, // a key is not left behind in the browser
  tryItOutEnabled: true,
  validatorUrl: null,
});
