/** `@parley/adapters/websocket`: the gateway over WebSocket, on a `node:http` server. */
export { websocketUpgrade, type WebSocketUpgrade } from "./upgrade.ts"
