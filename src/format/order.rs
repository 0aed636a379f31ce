//! The order of keys: that of the tables of the language.

use crate::language::{Key, PROFILE, Shape};

/// The keys that may stand in a table, in their order; empty where they are free.
#[derive(Debug, Clone, Copy)]
pub struct Order(&'static [Key], Option<&'static Shape>);

impl Order {
    /// Of the top of a profile.
    pub const TOP: Order = Order(PROFILE, None);

    /// Of what stands under a shape, when `present` are the keys of the table there.
    fn of(shape: &'static Shape, present: &[&str]) -> Order {
        match shape {
            Shape::Table(keys) => Order(keys, None),
            Shape::List(entry) => Order::of(entry, present),
            Shape::Map { value, .. } => Order(&[], Some(value)),
            Shape::Removals => Order::TOP,
            Shape::Kinds(kinds) => {
                let first = |keys: &[Key]| keys.first().map(|key| key.name);
                let chosen = kinds
                    .iter()
                    .find(|kind| first(kind.keys).is_some_and(|first| present.contains(&first)));
                Order(chosen.map_or(&[], |kind| kind.keys), None)
            }
            Shape::Either(shapes) => {
                let mut orders = shapes.iter().map(|shape| Order::of(shape, present));
                orders
                    .find(|Order(keys, _)| !keys.is_empty())
                    .unwrap_or(Order(&[], None))
            }
            _ => Order(&[], None),
        }
    }

    /// Of a table, or of one of a list of tables, under `name`.
    pub fn below(self, name: &str, present: &[&str]) -> Order {
        let Order(keys, free) = self;
        let known = keys.iter().find(|key| key.name == name);
        let shape = known.map(|key| &key.shape).or(free);
        shape.map_or(Order(&[], None), |shape| Order::of(shape, present))
    }

    /// Where a key stands; one that is not known stands behind those that are.
    pub fn rank(self, name: &str) -> usize {
        let Order(keys, _) = self;
        let known = keys.iter().position(|key| key.name == name);
        known.unwrap_or(keys.len())
    }
}
