//! A world of clients with known truth: routes of very different speed, clients with different mixes of them
//! and natural differences between them, a backend with bad minutes, and as many troubled clients as asked.

use std::f64::consts::TAU;

use wayside_analytics::Cell;
use wayside_analytics::outlier::Observation;
use wayside_examples::chance::Chance;
use wayside_exchange::Micros;

/// Routes of the world; the last is slow by nature.
const ROUTES: u32 = 30;
/// Natural differences between clients, as a standard deviation of log latency: 5 %.
const BETWEEN: f64 = 0.05;
/// Natural differences between their error rates, likewise: half as many or half more.
const BETWEEN_ERRORS: f64 = 0.4;
/// One request in so many hangs.
const HANGS: u64 = 200;

/// One route's nature.
#[derive(Clone, Copy, Debug)]
struct Route {
    /// Logarithm of its typical latency in milliseconds.
    typical: f64,
    /// Standard deviation of the logarithm.
    spread: f64,
    /// Shares of 4xx, 5xx and cancelled.
    shares: [f64; 3],
}

/// One client's nature.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its routes, the first being asked for most.
    pub routes: Vec<u32>,
    /// Requests a second.
    pub pace: f64,
    slower: f64,
    failing: f64,
}

/// What is wrong with a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It waits so many times as long on all of its routes.
    Slower(f64),
    /// So large a share of its requests is answered with 4xx beyond what is usual.
    Failing(f64),
    /// It gives up so large a share of its requests beyond what is usual.
    GivingUp(f64),
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// Where everything comes from.
    pub chance: Chance,
    routes: Vec<Route>,
    /// Its clients.
    pub clients: Vec<Client>,
}

/// One made-up exchange.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// The route's number.
    pub route: u32,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// 200, 404 or 500; none when the client broke it off.
    pub status: Option<u16>,
}

impl World {
    /// A world of `clients`, the same for the same seed.
    pub fn new(clients: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let routes = (0..ROUTES)
            .map(|n| Route {
                // From 4 ms to half a second; the last takes seconds.
                typical: if n + 1 == ROUTES { 7.5 } else { 1.4 + 4.8 * even(&mut chance) },
                spread: 0.3 + 0.5 * even(&mut chance),
                shares: [0.03 * even(&mut chance).powi(3), 0.002 * even(&mut chance), 0.002],
            })
            .collect();
        let mut world = Self { chance, routes, clients: Vec::new() };
        for _ in 0..clients {
            let client = world.client();
            world.clients.push(client);
        }
        world
    }

    fn client(&mut self) -> Client {
        let chance = &mut self.chance;
        let mut routes: Vec<u32> = Vec::new();
        let count = chance.between(3, 8) as usize;
        while routes.len() < count {
            // The popular routes are everybody's.
            let route = (f64::from(ROUTES - 1) * even(chance).powi(2)) as u32;
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
        Client {
            routes,
            pace: 0.2 * (0.8 * normal(chance)).exp(),
            slower: (BETWEEN * normal(chance)).exp(),
            failing: (BETWEEN_ERRORS * normal(chance)).exp(),
        }
    }

    /// A client that calls the slow route and hardly anything else.
    pub fn call_slow_routes(&mut self, client: usize) {
        if let Some(client) = self.clients.get_mut(client) {
            client.routes.insert(0, ROUTES - 1);
            client.routes.truncate(2);
        }
    }

    /// One request of a client; `load` is how many times as long everything takes now.
    pub fn request(&mut self, client: usize, load: f64, trouble: Trouble) -> Option<Made> {
        let Client { routes, slower, failing, .. } = self.clients.get(client)?;
        let chance = &mut self.chance;
        // Half of all go to the first, half of the rest to the second, and so on.
        let place = (0..routes.len() - 1).find(|_| chance.once_in(2)).unwrap_or_default();
        let number = *routes.get(place)?;
        let route = self.routes.get(number as usize)?;
        let mut ms = (route.typical + route.spread * normal(chance)).exp() * slower * load;
        if chance.once_in(HANGS) {
            ms *= 12.0;
        }
        let [errors_4xx, errors_5xx, cancelled] = route.shares.map(|share| share * failing);
        let (mut errors_4xx, mut cancelled) = (errors_4xx, cancelled);
        match trouble {
            Trouble::None => {}
            Trouble::Slower(times) => ms *= times,
            Trouble::Failing(share) => errors_4xx += share,
            Trouble::GivingUp(share) => cancelled += share,
        }
        let drawn = even(chance);
        let status = if drawn < errors_4xx {
            Some(404)
        } else if drawn < errors_4xx + errors_5xx {
            Some(500)
        } else if drawn < errors_4xx + errors_5xx + cancelled {
            None
        } else {
            Some(200)
        };
        Some(Made { route: number, ms, status })
    }

    /// So many requests of a client, as cells in one slot.
    pub fn observe(&mut self, client: usize, requests: u64, trouble: Trouble) -> Vec<Observation> {
        let mut cells: Vec<Observation> = Vec::new();
        for _ in 0..requests {
            let Some(made) = self.request(client, 1.0, trouble) else { continue };
            let at = cells.iter().position(|one| one.route == made.route);
            let at = at.unwrap_or_else(|| {
                let cell = Cell::default();
                let route = made.route;
                cells.push(Observation { client: client as u32, route, slot: 0, cell });
                cells.len() - 1
            });
            if let Some(one) = cells.get_mut(at) {
                count(&mut one.cell, &made);
            }
        }
        cells
    }
}

fn count(cell: &mut Cell, made: &Made) {
    cell.requests += 1;
    match made.status {
        None => cell.cancelled += 1,
        Some(500..) => cell.errors_5xx += 1,
        Some(400..) => cell.errors_4xx += 1,
        Some(_) => {}
    }
    if made.status.is_some() {
        cell.time(Micros((made.ms * 1000.0) as u64));
    }
}

/// Evenly from 0 to 1.
pub fn even(chance: &mut Chance) -> f64 {
    (chance.number() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Standard normal (Box, Muller 1958).
pub fn normal(chance: &mut Chance) -> f64 {
    let distance = (-2.0 * even(chance).max(1e-300).ln()).sqrt();
    distance * (TAU * even(chance)).cos()
}

#[cfg(test)]
mod tests {
    use wayside_analytics::outlier::{Rules, compare};

    use super::*;

    const CLIENTS: u32 = 300;

    /// Who is called an outlier when the first clients are in trouble; every client makes 200 requests.
    fn called(seed: u64, slow_routes: usize, troubles: &[Trouble]) -> Vec<u32> {
        let mut world = World::new(CLIENTS, seed);
        (0..slow_routes).for_each(|client| world.call_slow_routes(client));
        let mut observations = Vec::new();
        for client in 0..CLIENTS as usize {
            let trouble = troubles.get(client).copied().unwrap_or(Trouble::None);
            observations.extend(world.observe(client, 200, trouble));
        }
        let rules = Rules::default();
        let mut called: Vec<u32> = compare(observations)
            .iter()
            .filter(|one| one.is_outlier(&rules))
            .map(|one| one.client)
            .collect();
        called.sort_unstable();
        called
    }

    #[test]
    fn nobody_is_called_when_nothing_is_wrong_nor_for_calling_slow_routes() {
        for seed in 1..6 {
            assert!(called(seed, 0, &[]).is_empty(), "seed {seed}");
            assert!(called(seed, 20, &[]).is_empty(), "seed {seed}");
        }
    }

    #[test]
    fn slow_and_failing_clients_are_found_and_nobody_else() {
        let troubles = [
            Trouble::Slower(1.7),
            Trouble::Failing(0.25),
            Trouble::Slower(3.0),
            Trouble::GivingUp(0.1),
        ];
        for seed in 1..6 {
            assert_eq!(called(seed, 0, &troubles), [0, 1, 2, 3], "seed {seed}");
        }
    }
}
