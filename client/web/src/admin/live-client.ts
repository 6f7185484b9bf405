/* live-client.ts: the realtime connection of the administration, in a part of its own: it is only fetched once a view
 * wants to be live. */
import { newClient } from '../shared/conn.ts';
import type { LiveClient } from './live.ts';

export function openClient(): LiveClient {
  const client = newClient('admin');
  return {
    wake: () => {
      if (client.state === 'disconnected') client.connect();
    },
    subscribe: (channel, { onData, onSubscribed, onLost, onEnded }) => {
      const subscription = client.newSubscription(channel);
      subscription.on('publication', ({ data }) => onData(data));
      subscription.on('subscribed', onSubscribed);
      subscription.on('subscribing', onLost);
      subscription.on('unsubscribed', onEnded);
      client.on('disconnected', onEnded);
      subscription.subscribe();
      return () => {
        subscription.removeAllListeners();
        client.off('disconnected', onEnded);
        client.removeSubscription(subscription);
      };
    },
  };
}
