// The API reference, rendered from this gateway's OpenAPI document.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#reference", deepLinking: true, tryItOutEnabled: true });
