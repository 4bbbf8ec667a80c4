// The npm libraries `pg` and `ws`: a server that LISTENs and forwards what is notified, ROOM and a
// text, to the clients of the room: client N, who connects to /?client=N, is in room N / SIZE.
//
//   listen.mjs SIZE HOST PORT DATABASE      prints its port

import { createServer } from 'node:http';
import pg from 'pg';
import { WebSocketServer } from 'ws';

const [size, host, port, database] = process.argv.slice(2);
const rooms = new Map();
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on('connection', (socket, request) => {
  const room = Math.floor(Number(request.url.split('=')[1]) / size);
  if (!rooms.has(room))
    rooms.set(room, new Set());
  rooms.get(room).add(socket);
  socket.on('close', () => rooms.get(room).delete(socket));
});

const listener = new pg.Client({ host, port: Number(port), database, user: 'postgres' });
await listener.connect();
listener.on('notification', ({ payload }) => {
  const space = payload.indexOf(' ');
  const text = payload.slice(space + 1);
  for (const socket of rooms.get(Number(payload.slice(0, space))) ?? [])
    socket.send(text);
});
await listener.query('LISTEN bench');
http.listen(0, '127.0.0.1', 1024, () => console.log(http.address().port));
